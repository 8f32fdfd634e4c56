import AddonProtocol
import ProxyTools

/// A flow as text to copy.
enum FlowText: String {
    /// A command line that sends the request again.
    case curl
    /// A call of JavaScript's `fetch` that sends the request again.
    case fetch
    /// The messages in the form of HTTP/1.1.
    case raw
    /// The snapshot.
    case json

    /// - Parameter snapshot: the flow with its bodies.
    /// - Returns: nil when the flow has no such form.
    func text(of snapshot: JSONValue) -> String? {
        let http = snapshot["handshake_flow"] ?? snapshot
        guard self != .json else { return snapshot.description }
        guard http["type"] == "http", let request = http["request"], request.members != nil else { return nil }
        let body = request["content"]?.bytesValue ?? []
        switch self {
        case .curl: return CurlText.command(request, body: body)
        case .fetch: return Self.fetch(request, body)
        case .raw:
            return [Self.raw(request, isRequest: true), http["response"].flatMap { Self.raw($0, isRequest: false) }]
                .compactMap(\.self).joined(separator: "\n\n")
        case .json: return nil
        }
    }

    /// Leaves out fields that a page may not set.
    private static func fetch(_ request: JSONValue, _ body: [UInt8]) -> String {
        let forbidden = [
            "host", "content-length", "connection", "cookie", "transfer-encoding", "proxy-connection", "origin",
            "referer",
        ]
        let fields = (request["headers"]?.arrayValue ?? []).compactMap { field -> JSONValue.Member? in
            guard let pair = field.arrayValue, pair.count == 2, !forbidden.contains(pair[0].text.lowercased()) else {
                return nil
            }
            return .init(pair[0].text, .string(pair[1].text))
        }
        var options: [JSONValue.Member] = [
            .init("method", request["method"] ?? "GET"), .init("headers", .object(fields)),
        ]
        if !body.isEmpty { options.append(.init("body", .string(String(decoding: body, as: UTF8.self)))) }
        return "fetch(\(JSONValue.string(request["url"]?.text ?? "")), \(JSONValue.object(options)));"
    }

    private static func raw(_ message: JSONValue, isRequest: Bool) -> String? {
        guard message.members != nil else { return nil }
        let version = message["http_version"]?.text ?? "HTTP/1.1"
        let start =
            isRequest
            ? "\(message["method"]?.text ?? "") \(message["path"]?.text ?? "") \(version)"
            : "\(version) \(message["status_code"]?.intValue ?? 0) \(message["reason"]?.text ?? "")"
        let fields = (message["headers"]?.arrayValue ?? []).map {
            ($0.arrayValue ?? []).map(\.text).joined(separator: ": ")
        }
        return ([start] + fields).joined(separator: "\n") + "\n\n" + (message["content"]?.text ?? "")
    }
}
