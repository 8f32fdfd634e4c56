import AddonProtocol
import ProxyCodecs
import ProxyCore
import ProxyTLS

/// Which parts of two requests must be equal for one to get the response to the other. The names are mitmproxy's, without
/// `server_replay_`.
struct ReplayMatching: Sendable, Equatable {
    var ignoresContent = false
    var ignoresHost = false
    var ignoresPort = false
    /// Query parameters that do not count.
    var ignoredParams: Set<String> = []
    /// Parameters of forms in the body that do not count.
    var ignoredPayloadParams: Set<String> = []
    /// Header fields that also count.
    var usedHeaders: [String] = []

    /// A key that matching requests share; nil when the body counts and is not completely there.
    ///
    /// - Parameter request: the request in the form of a flow's snapshot.
    func key(of request: JSONValue) -> ReplayKey? {
        let fields = LazyJSON(request["headers"] ?? .null).headerFields
        let path = request["path"]?.bytesValue ?? []
        let mark = path.firstIndex(of: UInt8(ascii: "?")) ?? path.endIndex
        var text = KeyText()
        text.add(Array((request["scheme"]?.stringValue ?? "").utf8))
        text.add(Array((request["method"]?.stringValue ?? "").utf8))
        text.add(path[..<mark])
        if !ignoresContent { guard add(contentOf: request, fields, to: &text) else { return nil } }
        if !ignoresHost { text.add(host(of: request, fields)) }
        if !ignoresPort { text.add(Array("\(request["port"]?.intValue ?? 0)".utf8)) }
        text.add(FormFields.urlEncoded(path[mark...].dropFirst()), without: ignoredParams)
        for name in usedHeaders { text.add(values(of: name, fields)) }
        return ReplayKey(text.bytes)
    }

    private func add(contentOf request: JSONValue, _ fields: HeaderFields, to text: inout KeyText) -> Bool {
        let content = request["content"]?.bytesValue
        // Before the body has arrived, only the head can show that there is none.
        guard content == nil ? Self.isWithoutBody(fields) : request["content_complete"] != false else { return false }
        let bytes = Self.plain(content ?? [], request, fields)
        if !ignoredPayloadParams.isEmpty, let form = FormFields(bytes, fields) {
            text.add(form.pairs, without: ignoredPayloadParams)
        } else {
            text.add(bytes)
        }
        return true
    }

    /// The content without its codings, since they may differ each time, and some recordings hold decoded content.
    private static func plain(_ content: [UInt8], _ request: JSONValue, _ fields: HeaderFields) -> [UInt8] {
        guard request["content_decoded"] != true, fields.contains("content-encoding") else { return content }
        return ContentCodings.decoded(content, as: fields, limit: RecordedMessage.maximumDecodedBytes) ?? content
    }

    private static func isWithoutBody(_ fields: HeaderFields) -> Bool {
        let length = fields.first("content-length")
        return !fields.contains("transfer-encoding") && length.map { $0.elementsEqual("0".utf8) } ?? true
    }

    /// The name by which the client knows the server; the request may be sent elsewhere.
    private func host(of request: JSONValue, _ fields: HeaderFields) -> [UInt8] {
        let named = fields.first("host").map { Array($0) } ?? request["authority"]?.bytesValue ?? []
        let text = String(decoding: named, as: UTF8.self)
        let host = text.isEmpty ? request["host"]?.stringValue ?? "" : EntryURL("http://\(text)")?.host ?? text
        return host.utf8.map(asciiLowercase).filter { ![UInt8(ascii: "["), UInt8(ascii: "]")].contains($0) }
    }

    private func values(of name: String, _ fields: HeaderFields) -> [UInt8] {
        let wanted = Array(name.utf8)
        let values = (0..<fields.count).filter { fields.isNamed(wanted, at: $0) }.map { fields.value(at: $0) }
        // No field differs from an empty one.
        return values.isEmpty ? [] : [1] + values.joined(separator: Array(", ".utf8))
    }
}

/// A digest of what must be equal.
struct ReplayKey: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    fileprivate init(_ bytes: [UInt8]) {
        let digest = Digest.sha256(bytes)
        high = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = digest.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Concatenates parts, each preceded by its length, so that different lists of parts never read the same.
private struct KeyText {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ part: some Collection<UInt8>) {
        bytes += "\(part.count):".utf8
        bytes += part
    }

    mutating func add(_ pairs: [FormFields.Pair], without ignored: Set<String>) {
        let counted = pairs.filter { !ignored.contains(String(decoding: $0.name, as: UTF8.self)) }
        bytes += "\(counted.count)=".utf8
        for pair in counted {
            add(pair.name)
            add(pair.value)
        }
    }
}
