import AddonProtocol

/// An HTTP request in a flow. What is set here is sent to the daemon when the handler returns.
public struct HTTPRequest: Sendable, Equatable {
    public var method: String
    public var scheme: String
    /// Changing it changes where the request goes; the Host header follows.
    public var host: String
    public var port: Int
    /// The request target's path and query.
    public var path: String
    /// The Host header's or pseudo header's value.
    public var authority: String
    /// As it was at the event; setting it sets scheme, host, port and path in the daemon.
    public var url: String
    public var httpVersion: String
    public var headers: Headers
    /// nil when the body is not there: not read yet, streamed, or not subscribed to.
    public var content: [UInt8]?
    public var trailers: Headers
    public var stream: BodyStream
    /// In seconds since the epoch.
    public let timestampStart: Double?
    public let timestampEnd: Double?

    /// The content as text; bytes that are not UTF-8 read as U+FFFD.
    public var text: String? {
        get { content.map { String(decoding: $0, as: UTF8.self) } }
        set { content = newValue.map { Array($0.utf8) } }
    }

    init(_ json: JSONValue) {
        method = json.text("method")
        scheme = json.text("scheme")
        host = json.text("host")
        port = json["port"]?.intValue ?? 0
        path = json.text("path")
        authority = json.text("authority")
        url = json.text("url")
        httpVersion = json.text("http_version")
        headers = Headers(json["headers"])
        content = json["content"]?.bytesValue
        trailers = Headers(json["trailers"])
        stream = BodyStream(json["stream"])
        timestampStart = json["timestamp_start"]?.doubleValue
        timestampEnd = json["timestamp_end"]?.doubleValue
    }

    func patch(from original: HTTPRequest) -> JSONValue? {
        var patch = MergePatch()
        patch.set("method", method, from: original.method)
        patch.set("scheme", scheme, from: original.scheme)
        patch.set("host", host, from: original.host)
        if port != original.port { patch.set("port", .integer(port)) }
        patch.set("path", path, from: original.path)
        patch.set("authority", authority, from: original.authority)
        patch.set("url", url, from: original.url)
        patch.set("http_version", httpVersion, from: original.httpVersion)
        patch.set("headers", headers.patch(from: original.headers))
        patch.set("trailers", trailers.patch(from: original.trailers))
        if stream != original.stream { patch.set("stream", stream.json) }
        if content != original.content { patch.set("content", content.map { JSONValue(bytes: $0) } ?? .null) }
        return patch.json
    }
}
