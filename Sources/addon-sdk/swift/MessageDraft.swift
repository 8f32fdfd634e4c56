import AddonProtocol

/// A request or a response: what the daemon sent, and what was changed since.
///
/// What was sent is read where it is used. Only what differs from it is kept, so that a patch costs no comparing.
public struct MessageDraft: Sendable {
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

    /// Whether the content is here without what its Content-Encoding names.
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
}
