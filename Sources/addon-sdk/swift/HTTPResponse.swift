package import AddonProtocol

/// An HTTP response in a flow. Changes are sent to the daemon when the handler returns.
///
/// Each property is read from what the daemon sent when it is used.
public struct HTTPResponse: HTTPMessage {
    public var draft: MessageDraft

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

    /// Who made the response: `server`, `proxy` or `addon:NAME`.
    public var origin: String { draft[text: "origin"] }
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
        response.copyCommon(from: self)
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
        (left.status, left.reason, left.origin) == (right.status, right.reason, right.origin)
            && left.hasCommon(with: right)
    }
}
