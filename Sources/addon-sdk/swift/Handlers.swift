public import AddonProtocol

// One protocol for each event. A type subscribes to the events whose protocols it conforms to.

/// `start`: once, before all other events.
public protocol StartHandler: Addon {
    func start() async throws
}

/// `configure`: after `start` with every option, then at each change with the options that changed.
/// Throwing an error vetoes the change.
public protocol ConfigureHandler: Addon {
    func configure(options: [String: JSONValue], updated: [String]) async throws
}

/// `done`: the last event. The daemon waits 2 s.
public protocol DoneHandler: Addon {
    func done(reason: String) async throws
}

/// `running`: the daemon listens.
public protocol RunningHandler: Addon {
    func running() async throws
}

/// `log`: every entry of the daemon's log, except those that this addon caused.
public protocol LogHandler: Addon {
    func log(_ entry: LogEntry) async throws
}

/// `tick`: at a fixed interval. `time` is in seconds since the epoch.
public protocol TickHandler: Addon {
    func tick(time: Double) async throws
}

/// `clientconnect`: a client has connected, and nothing has been read yet. It can be refused.
public protocol ClientConnectHandler: Addon {
    func clientconnect(_ event: ConnectionEvent) async throws
}

/// `clientdisconnect`: the last event of a client's connection.
public protocol ClientDisconnectHandler: Addon {
    func clientdisconnect(_ event: ConnectionEvent) async throws
}

/// `serverconnect`: before connecting. The address can be changed and the connection refused.
public protocol ServerConnectHandler: Addon {
    func serverconnect(_ event: ConnectionEvent) async throws
}

/// `serverconnected`: a connection to a server is established.
public protocol ServerConnectedHandler: Addon {
    func serverconnected(_ event: ConnectionEvent) async throws
}

/// `serverconnect_error`: a connection to a server failed.
public protocol ServerConnectErrorHandler: Addon {
    func serverconnectError(_ event: ConnectionEvent) async throws
}

/// `serverdisconnect`: a connection to a server is closed.
public protocol ServerDisconnectHandler: Addon {
    func serverdisconnect(_ event: ConnectionEvent) async throws
}

/// `http_connect`: a CONNECT request has been read.
public protocol HTTPConnectHandler: Addon {
    func httpConnect(_ flow: HTTPFlow) async throws
}

/// `http_connect_upstream`: the daemon is about to ask an upstream proxy for a tunnel. The request's headers can be changed.
public protocol HTTPConnectUpstreamHandler: Addon {
    func httpConnectUpstream(_ flow: HTTPFlow) async throws
}

/// `http_connected`: a CONNECT, the client's or the daemon's own, has succeeded.
public protocol HTTPConnectedHandler: Addon {
    func httpConnected(_ flow: HTTPFlow) async throws
}

/// `http_connect_error`: a CONNECT, the client's or the daemon's own, has failed.
public protocol HTTPConnectErrorHandler: Addon {
    func httpConnectError(_ flow: HTTPFlow) async throws
}

/// `socks5_auth`: a SOCKS client logs in.
public protocol SOCKS5AuthHandler: Addon {
    /// Whether the name and the password are right; nil leaves it to the other addons and to the option `proxyauth`.
    ///
    /// - Parameter client: the client's connection, with everything that the daemon sent about it.
    func socks5Auth(username: String, password: String, client: JSONValue) async throws -> Bool?
}

/// `requestheaders`: the request's head has been read, but not its body.
public protocol RequestHeadersHandler: Addon {
    func requestheaders(_ flow: HTTPFlow) async throws
}

/// `request`: the whole request has been read. Setting `flow.response` answers it.
public protocol RequestHandler: Addon {
    func request(_ flow: HTTPFlow) async throws
}

/// `responseheaders`: the response's head has been read, but not its body.
public protocol ResponseHeadersHandler: Addon {
    func responseheaders(_ flow: HTTPFlow) async throws
}

/// `response`: the whole response has been read.
public protocol ResponseHandler: Addon {
    func response(_ flow: HTTPFlow) async throws
}

/// `request_data`: a chunk of a request's body with `stream` ``BodyStream/events``.
public protocol RequestDataHandler: Addon {
    func requestData(_ chunk: BodyChunk) async throws -> BodyChunkReply
}

/// `response_data`: a chunk of a response's body with `stream` ``BodyStream/events``.
public protocol ResponseDataHandler: Addon {
    func responseData(_ chunk: BodyChunk) async throws -> BodyChunkReply
}

/// `error`: the flow ended without a response; `flow.error` says why.
public protocol ErrorHandler: Addon {
    func error(_ flow: HTTPFlow) async throws
}

/// `command`: another addon calls one of `AddonSettings.commands`.
public protocol CommandHandler: Addon {
    func command(_ name: String, _ arguments: JSONValue) async throws -> JSONValue
}

/// `websocket_handshake`: an upgrade is about to be sent to the server. Setting `flow.response` refuses it.
public protocol WebSocketHandshakeHandler: Addon {
    func websocketHandshake(_ flow: HTTPFlow) async throws
}

/// `websocket_start`: the connection is open, and no message has been forwarded yet.
public protocol WebSocketStartHandler: Addon {
    func websocketStart(_ flow: WebSocketFlow) async throws
}

/// `websocket_message`: one whole message. It can be replaced or dropped.
public protocol WebSocketMessageHandler: Addon {
    func websocketMessage(_ flow: WebSocketFlow) async throws
}

/// `websocket_error`: the connection ended abnormally; `flow.error` says why.
public protocol WebSocketErrorHandler: Addon {
    func websocketError(_ flow: WebSocketFlow) async throws
}

/// `websocket_end`: the last event of a WebSocket connection.
public protocol WebSocketEndHandler: Addon {
    func websocketEnd(_ flow: WebSocketFlow) async throws
}
