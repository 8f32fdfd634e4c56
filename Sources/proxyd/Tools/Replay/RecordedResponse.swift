import AddonProtocol
import AddonSDK
import ProxyCore

/// A response of a recorded flow, as it can be given again.
struct RecordedResponse {
    let response: HTTPResponse

    /// Why the flow has no response that can be given again; nil when it has one.
    static func fault(of flow: JSONValue) -> String? {
        let request = flow["request"] ?? .null
        guard flow["type"] == "http" else { return "\(flow["type"]?.stringValue ?? "?") is no exchange of HTTP" }
        guard ["http", "https"].contains(request["scheme"]?.stringValue), request["method"] != "CONNECT" else {
            return "it is no request for http or https"
        }
        guard let response = flow["response"], let status = response["status_code"]?.intValue else {
            return "it has no response"
        }
        guard (200...999).contains(status) else { return "a response with \(status) is not the last one" }
        guard hasNoBody(status, request["method"]) || RecordedMessage.isWhole(response) else {
            return "the body of its response is not in the file"
        }
        return nil
    }

    /// - Parameter time: now, to which times in the response are moved, in seconds since the epoch; nil: they stay.
    init(of flow: JSONValue, refreshedAt time: Double?) {
        let recorded = flow["response"] ?? .null
        let status = recorded["status_code"]?.intValue ?? 200
        let isEmpty = Self.hasNoBody(status, flow["request"]?["method"])
        var fields = EndToEndFields.of(recorded)
        var body = isEmpty ? [] : recorded["content"]?.bytesValue ?? []
        if recorded["content_decoded"] == true, !body.isEmpty {
            // Without its coding it is of another length, and in a coding that nobody here knows it is given without.
            if let coded = ContentCodings.coded(body, as: fields) {
                body = coded
            } else {
                fields.remove("content-encoding")
            }
        }
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

    /// RFC 9110, section 6.4.1.
    private static func hasNoBody(_ status: Int, _ method: JSONValue?) -> Bool {
        method == "HEAD" || [204, 205, 304].contains(status)
    }
}

/// The fields of a recorded message, without those that were for the connection on which it came (RFC 9110, section 7.6.1).
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
