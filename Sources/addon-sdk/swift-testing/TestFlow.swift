public import AddonSDK

/// Makes flows as the daemon sends them.
public enum TestFlow {
    private static let common: [JSONValue.Member] = [
        .init("http_version", "HTTP/1.1"), .init("trailers", .null), .init("content_complete", true),
        .init("content_decoded", true), .init("stream", false), .init("timestamp_start", 0), .init("timestamp_end", 0),
    ]

    /// A flow at `request`, or with a response at `response`.
    ///
    /// - Parameter url: an absolute URL, such as `http://example.com/`.
    public static func http(
        _ url: String = "http://example.com/",
        method: String = "GET",
        headers: Headers = [:],
        content: String = "",
        response: HTTPResponse? = nil
    ) -> JSONValue {
        let place = Place(url)
        var fields = headers
        if !fields.contains("host") { fields.fields.insert("Host", place.authority) }
        let body = Array(content.utf8)
        let request: [JSONValue.Member] = [
            .init("method", .string(method)), .init("scheme", .string(place.scheme)),
            .init("host", .string(place.host)),
            .init("port", .integer(place.port)), .init("path", .string(place.path)), .init("authority", ""),
            .init("url", .string(url)), .init("headers", list(fields)), .init("content", .string(content)),
            .init("content_size", .integer(body.count)),
        ]
        return [
            "id": "test-flow", "type": "http",
            "client_conn": [
                "id": "test-client", "peername": ["127.0.0.1", 50_000], "sockname": ["127.0.0.1", 8_080], "tls": false,
            ],
            "server_conn": .null, "request": .object(request + common),
            "response": response.map(answer) ?? .null, "error": .null, "marked": "", "comment": "", "metadata": [:],
            "intercepted": false, "is_replay": .null, "timestamp_created": 0, "rev": 0,
        ]
    }

    private static func answer(_ response: HTTPResponse) -> JSONValue {
        let own = (response.json.members ?? []) + [.init("origin", "server")]
        return .object(own + common.filter { member in !own.contains { $0.name == member.name } })
    }

    private static func list(_ headers: Headers) -> JSONValue {
        .array(headers.map { [.string($0.name), .string($0.value)] })
    }

    /// The parts of an absolute URL.
    private struct Place {
        let scheme: String
        let authority: String
        let host: String
        let port: Int
        let path: String

        init(_ url: String) {
            let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
            let (scheme, authority) = (parts.first?.dropLast() ?? "", parts.count > 2 ? parts[2] : "")
            let colon = authority.lastIndex(of: ":")
            let number = colon.flatMap { Int(authority[authority.index(after: $0)...]) }
            self.scheme = String(scheme)
            self.authority = String(authority)
            host = String(number == nil ? authority : authority[..<(colon ?? authority.endIndex)])
            port = number ?? (scheme == "https" ? 443 : 80)
            path = "/" + (parts.count > 3 ? String(parts[3]) : "")
        }
    }
}
