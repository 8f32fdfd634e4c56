import AddonProtocol

/// An HTTP response in a flow. What is set here is sent to the daemon when the handler returns.
public struct HTTPResponse: Sendable, Equatable {
    /// 100 to 999.
    public var status: Int
    /// Empty in a response that the addon made: the daemon gives the usual phrase for the status.
    public var reason: String
    public var httpVersion: String
    public var headers: Headers
    /// nil when the body is not there: not read yet, streamed, or not subscribed to.
    public var content: [UInt8]?
    public var trailers: Headers
    public var stream: BodyStream
    /// Who made the response: `server`, `proxy` or `addon:NAME`.
    public let origin: String
    /// In seconds since the epoch.
    public let timestampStart: Double?
    public let timestampEnd: Double?

    /// The content as text; bytes that are not UTF-8 read as U+FFFD.
    public var text: String? {
        get { content.map { String(decoding: $0, as: UTF8.self) } }
        set { content = newValue.map { Array($0.utf8) } }
    }

    public init(status: Int, headers: Headers = [:], body: String = "") {
        self.init(status: status, headers: headers, body: Array(body.utf8))
    }

    public init(status: Int, headers: Headers = [:], body: [UInt8]) {
        self.init(["status_code": .integer(status)])
        self.headers = headers
        content = body
    }

    init(_ json: JSONValue) {
        status = json["status_code"]?.intValue ?? 0
        reason = json.text("reason")
        httpVersion = json.text("http_version")
        headers = Headers(json["headers"])
        content = json["content"]?.bytesValue
        trailers = Headers(json["trailers"])
        stream = BodyStream(json["stream"])
        origin = json.text("origin")
        timestampStart = json["timestamp_start"]?.doubleValue
        timestampEnd = json["timestamp_end"]?.doubleValue
    }

    /// What turns `original` into this response; all of it when there was none.
    func patch(from original: HTTPResponse?) -> JSONValue? {
        guard let original else { return json }
        var patch = MergePatch()
        if status != original.status { patch.set("status_code", .integer(status)) }
        patch.set("reason", reason, from: original.reason)
        patch.set("http_version", httpVersion, from: original.httpVersion)
        patch.set("headers", headers.patch(from: original.headers))
        patch.set("trailers", trailers.patch(from: original.trailers))
        if stream != original.stream { patch.set("stream", stream.json) }
        if content != original.content { patch.set("content", content.map { JSONValue(bytes: $0) } ?? .null) }
        return patch.json
    }

    private var json: JSONValue {
        var patch = MergePatch()
        patch.set("status_code", .integer(status))
        patch.set("reason", reason, from: "")
        patch.set("http_version", httpVersion, from: "")
        patch.set("headers", headers.json)
        patch.set("content", JSONValue(bytes: content ?? []))
        if !trailers.isEmpty { patch.set("trailers", trailers.json) }
        return patch.json ?? [:]
    }
}
