import AddonProtocol

/// An HTTP request in a flow. Changes are sent to the daemon when the handler returns.
///
/// Each property is read from what the daemon sent when it is used.
public struct HTTPRequest: HTTPMessage {
    public var draft: MessageDraft

    init(_ json: LazyJSON) {
        draft = MessageDraft(json)
    }

    /// The method, such as `GET`.
    public var method: String {
        get { draft[text: "method"] }
        set { draft[text: "method"] = newValue }
    }

    /// `http` or `https`.
    public var scheme: String {
        get { draft[text: "scheme"] }
        set { draft[text: "scheme"] = newValue }
    }

    /// The server's host. Changing it changes where the request is sent; the Host header follows.
    public var host: String {
        get { draft[text: "host"] }
        set { draft[text: "host"] = newValue }
    }

    /// The server's port.
    public var port: Int {
        get { draft[integer: "port"] }
        set { draft[integer: "port"] = newValue }
    }

    /// The request target's path and query.
    public var path: String {
        get { draft[text: "path"] }
        set { draft[text: "path"] = newValue }
    }

    /// The value of the Host header or the `:authority` pseudo-header.
    public var authority: String {
        get { draft[text: "authority"] }
        set { draft[text: "authority"] = newValue }
    }

    /// The URL at the event. Setting it sets scheme, host, port and path in the daemon.
    public var url: String {
        get { draft[text: "url"] }
        set { draft[text: "url"] = newValue }
    }
}

extension HTTPRequest {
    /// The patch that turns the request that the daemon sent as `original` into this one.
    func patch(from original: LazyJSON) -> JSONValue? {
        draft.original.isSame(as: original) ? draft.patch : set(in: original).draft.patch
    }

    /// This request expressed as changes of another one.
    private func set(in original: LazyJSON) -> HTTPRequest {
        var request = HTTPRequest(original)
        request.method = method
        request.scheme = scheme
        request.host = host
        request.port = port
        request.path = path
        request.authority = authority
        request.url = url
        request.copyCommon(from: self)
        return request
    }
}

extension HTTPRequest: Equatable {
    /// Whether all properties are equal.
    public static func == (left: HTTPRequest, right: HTTPRequest) -> Bool {
        (left.method, left.scheme, left.host, left.port, left.path, left.authority)
            == (right.method, right.scheme, right.host, right.port, right.path, right.authority)
            && left.url == right.url && left.hasCommon(with: right)
    }
}
