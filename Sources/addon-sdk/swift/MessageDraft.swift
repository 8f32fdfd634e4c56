import AddonProtocol

/// A request or a response: what the daemon sent, and what was changed since.
///
/// Members are decoded when they are used. Only the differences are stored, so making a patch needs no comparison.
struct MessageDraft: Sendable {
    let original: LazyJSON
    private let originalHeaders: Headers
    private var newHeaders: Headers?
    private var newTrailers: Headers?
    /// In the order in which they were last set.
    private var changes: [JSONValue.Member] = []

    init(_ original: LazyJSON) {
        self.original = original
        originalHeaders = Headers(reading: "headers", of: original)
    }

    /// A merge patch that makes the changes; nil when there are none.
    var patch: JSONValue? {
        var patch = MergePatch(changes)
        patch.set("headers", newHeaders?.patch(from: originalHeaders))
        patch.set("trailers", newTrailers?.patch(from: originalTrailers))
        return patch.json
    }

    subscript(name: String) -> JSONValue? {
        changes.first { $0.name == name }?.value ?? original[name]?.value
    }

    private mutating func set(_ name: String, _ value: JSONValue, isOriginal: Bool) {
        changes.removeAll { $0.name == name }
        if !isOriginal { changes.append(JSONValue.Member(name, value)) }
    }
}

extension MessageDraft {
    subscript(text name: String) -> String {
        get { self[name]?.text ?? "" }
        set { set(name, .string(newValue), isOriginal: newValue == original.text(name)) }
    }

    subscript(integer name: String) -> Int {
        get { self[name]?.intValue ?? 0 }
        set { set(name, .integer(newValue), isOriginal: newValue == original[name]?.value.intValue ?? 0) }
    }

    var content: [UInt8]? {
        get { self["content"]?.bytesValue }
        set {
            let isOriginal = newValue == original["content"]?.value.bytesValue
            set("content", newValue.map { JSONValue(bytes: $0) } ?? .null, isOriginal: isOriginal)
        }
    }

    /// The content as text; bytes that are not UTF-8 read as U+FFFD.
    var contentText: String? {
        get { content.map { String(decoding: $0, as: UTF8.self) } }
        set { content = newValue.map { Array($0.utf8) } }
    }

    /// Whether the daemon decoded the content as its Content-Encoding says.
    var isDecoded: Bool { original["content_decoded"]?.value == true && originalHeaders.contains("content-encoding") }

    var stream: BodyStream {
        get { BodyStream(self["stream"]) }
        set { set("stream", newValue.json, isOriginal: newValue == BodyStream(original["stream"]?.value)) }
    }

    var headers: Headers {
        get { newHeaders ?? originalHeaders }
        set { newHeaders = newValue }
    }

    var trailers: Headers {
        get { newTrailers ?? originalTrailers }
        set { newTrailers = newValue }
    }

    private var originalTrailers: Headers { Headers(reading: "trailers", of: original) }

    /// Copies the members that requests and responses have in common.
    mutating func copyCommon(from other: MessageDraft) {
        self[text: "http_version"] = other[text: "http_version"]
        headers = other.headers
        trailers = other.trailers
        content = other.content
        stream = other.stream
    }

    /// Whether two messages are equal in the members that requests and responses have in common.
    func hasCommon(with other: MessageDraft) -> Bool {
        (self[text: "http_version"], headers, trailers, content, stream)
            == (other[text: "http_version"], other.headers, other.trailers, other.content, other.stream)
    }
}
