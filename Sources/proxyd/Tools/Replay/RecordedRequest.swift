import AddonProtocol

/// The request of a recorded flow, in the form in which it can be sent again.
enum RecordedRequest {
    /// Why the flow is not sent: it is not an HTTP exchange. nil for one that is.
    static func isForeign(_ flow: JSONValue) -> String? {
        switch flow["type"]?.stringValue {
        case "websocket": return "a WebSocket"
        case "http": break
        case let type: return "a flow of type \(type ?? "?")"
        }
        let request = flow["request"] ?? .null
        if request["method"] == "CONNECT" { return "a CONNECT" }
        let scheme = request.text("scheme")
        return ["http", "https"].contains(scheme) ? nil : "a request for \(scheme):"
    }

    /// The params of `flow.create` for the request; nil when its body is not completely in the file.
    static func params(of flow: JSONValue) -> JSONValue? {
        let request = flow["request"] ?? .null
        guard RecordedMessage.isWhole(request) else { return nil }
        var fields = EndToEndFields.of(request)
        let body = RecordedMessage.coded(request, &fields)
        fields.remove("content-length")
        // `Expect` asks for a go-ahead before the body, and here the body does not wait for one.
        fields.remove("expect")
        if !fields.contains("host") { fields.insert("Host", authority(of: request)) }
        if !body.isEmpty || LazyJSON(request["headers"] ?? .null).headerFields.contains("content-length") {
            fields.append("Content-Length", String(body.count))
        }
        var members: [JSONValue.Member] = ["method", "scheme", "host", "port", "path"].compactMap { name in
            request[name].map { .init(name, $0) }
        }
        let pairs = (0..<fields.count).map { index -> JSONValue in
            [JSONValue(bytes: Array(fields.name(at: index))), JSONValue(bytes: Array(fields.value(at: index)))]
        }
        members.append(.init("headers", .array(pairs)))
        if !body.isEmpty { members.append(.init("content", JSONValue(bytes: body))) }
        return .object(members)
    }

    private static func authority(of request: JSONValue) -> String {
        let (name, port) = (request.text("host"), request["port"]?.intValue ?? 80)
        let host = name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name
        return port == (request["scheme"] == "https" ? 443 : 80) ? host : "\(host):\(port)"
    }
}
