package import AddonProtocol

/// An HTTP response in a flow. What is set here is sent to the daemon when the handler returns.
///
/// Each property is read from what the daemon sent when it is used.
public struct HTTPResponse: HTTPMessage {
    public var draft: MessageDraft

    public init(status: Int, headers: Headers = [:], body: String = "") {
        self.init(status: status, headers: headers, body: Array(body.utf8))
    }

    public init(status: Int, headers: Headers = [:], body: [UInt8]) {
        self.init(.null)
        self.status = status
        self.headers = headers
        content = body
    }

    init(_ json: LazyJSON) {
        draft = MessageDraft(json)
    }

    /// 100 to 999.
    public var status: Int {
        get { draft[integer: "status_code"] }
        set { draft[integer: "status_code"] = newValue }
    }

    /// Empty in a response that the addon made: the daemon gives the usual phrase for the status.
    public var reason: String {
        get { draft[text: "reason"] }
        set { draft[text: "reason"] = newValue }
    }

    /// Who made the response: `server`, `proxy` or `addon:NAME`.
    public var origin: String { draft[text: "origin"] }
}

extension HTTPResponse {
    /// What turns the response that the daemon sent as `original` into this one; all of it when there was none.
    func patch(from original: LazyJSON) -> JSONValue? {
        if original.isNull { return json }
        guard !draft.original.isSame(as: original) else { return draft.patch }
        // What was made anew says its status, also where the one that it takes the place of has the same.
        let changes = set(in: original).draft.patch?.members ?? []
        var patch = MergePatch(changes)
        if !changes.contains(where: { $0.name == "status_code" }) { patch.set("status_code", .integer(status)) }
        return patch.json
    }

    /// This response as a change of another one.
    private func set(in original: LazyJSON) -> HTTPResponse {
        var response = HTTPResponse(original)
        response.status = status
        response.reason = reason
        response.copyCommon(from: self)
        return response
    }

    /// All of it, as an addon gives it where there is none.
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
    public static func == (left: HTTPResponse, right: HTTPResponse) -> Bool {
        (left.status, left.reason, left.origin) == (right.status, right.reason, right.origin)
            && left.hasCommon(with: right)
    }
}
