import AddonProtocol
import ProxyTools

extension JSONValue {
    /// The row (protocol, "Rows") of a flow that has ended, as far as its snapshot allows; nil when this is not a snapshot.
    ///
    /// A snapshot may come from a file, and contain anything.
    var row: JSONValue? {
        guard let id = self["id"]?.stringValue, let type = self["type"]?.stringValue else { return nil }
        let http = self["handshake_flow"] ?? self
        let (request, response) = (http["request"] ?? .null, http["response"] ?? .null)
        let contentType = response.contentType
        return [
            "id": .string(id), "type": .string(type), "rev": number("rev") ?? 0, "intercepted": false,
            "timestamp_created": number("timestamp_created") ?? 0, "marked": words("marked") ?? "",
            "comment": words("comment") ?? "", "state": "done", "method": request.words("method") ?? .null,
            "url": request.words("url") ?? .null, "status_code": response.number("status_code") ?? .null,
            "content_type": contentType.isEmpty ? .null : .string(contentType),
            "origin": response.words("origin") ?? .null,
            "client": self["client_conn"]?.peer ?? http["client_conn"]?.peer ?? .null,
            "request_size": request.number("content_size") ?? 0,
            "response_size": response.number("content_size") ?? .null, "duration": Self.duration(self, response),
            "error_kind": self["error"]?.words("kind") ?? .null, "changed_by": [], "waiting_for": .null,
            "is_replay": words("is_replay") ?? .null,
        ]
    }

    private func words(_ name: String) -> JSONValue? {
        self[name]?.bytesValue == nil ? nil : .string(self[name]?.text ?? "")
    }
    private func number(_ name: String) -> JSONValue? { self[name]?.doubleValue == nil ? nil : self[name] }

    /// The time until the error, or until the end of the response.
    private static func duration(_ flow: JSONValue, _ response: JSONValue) -> JSONValue {
        guard let start = flow["timestamp_created"]?.doubleValue,
            let end = flow["error"]?["timestamp"]?.doubleValue ?? response["timestamp_end"]?.doubleValue, end >= start
        else { return .null }
        return .number(end - start)
    }

    private var peer: JSONValue? { self["peername"]?.address.map { .string($0) } }
}
