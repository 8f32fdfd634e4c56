import AddonProtocol
import AddonSDK
import ProxyCodecs
import ProxyCore

/// The response of a recorded flow, in the form in which it can be served again.
struct RecordedResponse {
    let response: HTTPResponse

    /// Why the flow's response cannot be served again; nil when it can.
    static func fault(of flow: JSONValue) -> String? {
        let request = flow["request"] ?? .null
        guard flow["type"] == "http" else { return "\(flow["type"]?.stringValue ?? "?") is not an HTTP exchange" }
        guard ["http", "https"].contains(request["scheme"]?.stringValue), request["method"] != "CONNECT" else {
            return "it is not a request for http or https"
        }
        guard let response = flow["response"], let status = response["status_code"]?.intValue else {
            return "it has no response"
        }
        guard (200...999).contains(status) else { return "a response with \(status) is not the final one" }
        guard hasNoBody(status, request["method"]) || RecordedMessage.isWhole(response) else {
            return "the body of its response is not in the file"
        }
        return fault(ofHeadOf: response)
    }

    /// Why the daemon would refuse the head of an addon's response, whatever its limits; nil when it would not.
    private static func fault(ofHeadOf response: JSONValue) -> String? {
        guard HTTPSyntax.isFieldValue(Array((response["reason"]?.text ?? "").utf8)) else {
            return "the reason phrase of its response has a control character"
        }
        for fields in [EndToEndFields.of(response), LazyJSON(response["trailers"] ?? .null).headerFields] {
            for index in 0..<fields.count {
                let name = Array(fields.name(at: index))
                let shown = escapedForTerminal(String(decoding: name.prefix(64), as: UTF8.self))
                guard HTTPSyntax.isToken(name) else { return "\"\(shown)\" in its response is not a field name" }
                guard HTTPSyntax.isFieldValue(Array(fields.value(at: index))) else {
                    return "the value of \"\(shown)\" in its response has a control character"
                }
            }
        }
        return nil
    }

    /// Why the response, which is valid, is too large to serve; nil when it is not.
    static func excess(of flow: JSONValue, over limits: ReplayLimits) -> String? {
        let recorded = flow["response"] ?? .null
        let fields = EndToEndFields.of(recorded)
        let headBytes = fields.wireByteCount
        guard fields.count <= limits.headFields else {
            return "its response has more fields than head_fields_limit, \(limits.headFields)"
        }
        guard headBytes <= limits.headBytes else {
            return "the head of its response is larger than head_size_limit, \(limits.headBytes) bytes"
        }
        // JSON takes at most six characters for a byte, so most responses need not be encoded to know that they are small enough.
        let content = recorded["content"]?.bytesValue?.count ?? 0
        guard (content + headBytes) * 6 + roomForRest > limits.frameBytes else { return nil }
        let body = RecordedResponse(of: flow, refreshedAt: nil).response.content ?? []
        let size = JSONValue(bytes: body).encoded().count + headBytes * 6 + roomForRest
        guard size > limits.frameBytes else { return nil }
        return
            "its response is larger than a message to the daemon may be (frame_size_limit, \(limits.frameBytes) bytes)"
    }

    /// Room in a message for everything but the content and the fields.
    private static let roomForRest = 16 << 10

    /// - Parameter time: the time to which to move the times in the response, in seconds since the epoch; nil: they stay.
    init(of flow: JSONValue, refreshedAt time: Double?) {
        let recorded = flow["response"] ?? .null
        let status = recorded["status_code"]?.intValue ?? 200
        let isEmpty = Self.hasNoBody(status, flow["request"]?["method"])
        var fields = EndToEndFields.of(recorded)
        let body = isEmpty ? [] : RecordedMessage.coded(recorded, &fields)
        if fields.contains("content-length") {
            if !isEmpty { fields.set("content-length", String(body.count)) }
            if isEmpty, flow["request"]?["method"] != "HEAD" { fields.remove("content-length") }
        }
        let start = recorded["timestamp_start"]?.doubleValue ?? 0
        if let time, start > 0, time > start { fields = ResponseRefresh.apply(to: fields, by: Int(time - start)) }
        var response = HTTPResponse(status: status, headers: Headers(fields), body: body)
        response.reason = recorded["reason"]?.text ?? ""
        let trailers = LazyJSON(recorded["trailers"] ?? .null).headerFields
        if !trailers.isEmpty { response.trailers = Headers(trailers) }
        self.response = response
    }

    /// Whether the response has no content (RFC 9110, section 6.4.1).
    private static func hasNoBody(_ status: Int, _ method: JSONValue?) -> Bool {
        method == "HEAD" || [204, 205, 304].contains(status)
    }
}

extension RecordedMessage {
    /// The body, encoded as its fields say. A coding that cannot be applied is removed from the fields of a decoded body.
    static func coded(_ message: JSONValue, _ fields: inout HeaderFields) -> [UInt8] {
        let body = message["content"]?.bytesValue ?? []
        guard message["content_decoded"] == true, !body.isEmpty else { return body }
        if let coded = ContentCodings.coded(body, as: fields) { return coded }
        fields.remove("content-encoding")
        return body
    }
}

/// The fields of a recorded message, without the hop-by-hop fields (RFC 9110, section 7.6.1).
enum EndToEndFields {
    private static let ofConnection = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    static func of(_ message: JSONValue) -> HeaderFields {
        var fields = LazyJSON(message["headers"] ?? .null).headerFields
        let named = fields.tokens("connection").map { String(decoding: $0, as: UTF8.self).lowercased() }
        for name in ofConnection + named { fields.remove(name: Array(name.utf8)) }
        return fields
    }
}
