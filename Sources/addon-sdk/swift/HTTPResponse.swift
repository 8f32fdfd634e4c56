package import AddonProtocol

/// An HTTP response in a flow. Changes are sent to the daemon when the handler returns.
///
/// Each property is decoded when it is used.
public struct HTTPResponse: Sendable {
    private var draft: MessageDraft

    /// A response with a text as its body.
    public init(status: Int, headers: Headers = [:], body: String = "") {
        self.init(status: status, headers: headers, body: Array(body.utf8))
    }

    /// A response with these bytes as its body.
    public init(status: Int, headers: Headers = [:], body: [UInt8]) {
        self.init(.null)
        self.status = status
        self.headers = headers
        content = body
    }

    init(_ json: LazyJSON) {
        draft = MessageDraft(json)
    }

    /// The status code, 100 to 999.
    public var status: Int {
        get { draft[integer: "status_code"] }
        set { draft[integer: "status_code"] = newValue }
    }

    /// The reason phrase. If it is empty in a response made by the addon, the daemon adds the usual phrase for the status.
    public var reason: String {
        get { draft[text: "reason"] }
        set { draft[text: "reason"] = newValue }
    }

    /// `HTTP/1.1`, `HTTP/2.0`, …
    public var httpVersion: String {
        get { draft[text: "http_version"] }
        set { draft[text: "http_version"] = newValue }
    }

    /// The header fields.
    public var headers: Headers {
        get { draft.headers }
        set { draft.headers = newValue }
    }

    /// The body without its content coding, unless ``AddonSettings/decodesContent`` is false; new content is encoded again.
    ///
    /// nil when the body is not available: not read yet, streamed, or not subscribed to.
    public var content: [UInt8]? {
        get { draft.content }
        set { draft.content = newValue }
    }

    /// The content as text; bytes that are not UTF-8 read as U+FFFD.
    public var text: String? {
        get { draft.contentText }
        set { draft.contentText = newValue }
    }

    /// Whether ``content`` was decoded as `content-encoding` says; `Daemon.rawContent(of:_:)` has the original bytes.
    public var isDecoded: Bool { draft.isDecoded }

    /// The trailer fields.
    public var trailers: Headers {
        get { draft.trailers }
        set { draft.trailers = newValue }
    }

    /// How the body is forwarded; settable in `responseheaders`.
    public var stream: BodyStream {
        get { draft.stream }
        set { draft.stream = newValue }
    }

    /// Who made the response: `server`, `proxy` or `addon:NAME`.
    public var origin: String { draft[text: "origin"] }

    /// When the first byte arrived, in seconds since the epoch.
    public var timestampStart: Double? { draft["timestamp_start"]?.doubleValue }
    /// When the last byte arrived, in seconds since the epoch.
    public var timestampEnd: Double? { draft["timestamp_end"]?.doubleValue }
}

extension HTTPResponse {
    /// The patch that turns the response that the daemon sent as `original` into this one; the whole response if there was none.
    func patch(from original: LazyJSON) -> JSONValue? {
        if original.isNull { return json }
        guard !draft.original.isSame(as: original) else { return draft.patch }
        // A new response states its status even if the one that it replaces has the same.
        let changes = set(in: original).draft.patch?.members ?? []
        var patch = MergePatch(changes)
        if !changes.contains(where: { $0.name == "status_code" }) { patch.set("status_code", .integer(status)) }
        return patch.json
    }

    /// This response expressed as changes of another one.
    private func set(in original: LazyJSON) -> HTTPResponse {
        var response = HTTPResponse(original)
        response.status = status
        response.reason = reason
        response.draft.copyCommon(from: draft)
        return response
    }

    /// The whole response, for a reply where there was none.
    package var json: JSONValue {
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

extension HTTPResponse: Equatable {
    /// Whether all properties are equal.
    public static func == (left: HTTPResponse, right: HTTPResponse) -> Bool {
        (left.status, left.reason, left.origin, left.timestampStart, left.timestampEnd)
            == (right.status, right.reason, right.origin, right.timestampStart, right.timestampEnd)
            && left.draft.hasCommon(with: right.draft)
    }
}
