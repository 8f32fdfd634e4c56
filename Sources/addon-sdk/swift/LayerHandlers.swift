public import AddonProtocol

// Handlers for what a connection carries: layers, TLS, and bytes that are not HTTP.

/// `next_layer`: the daemon has chosen what to treat the connection as from here on.
public protocol NextLayerHandler: Addon {
    /// Returns another choice, or nil to keep the daemon's.
    func nextLayer(_ decision: LayerDecision) async throws -> Layer?
}

/// `tls_clienthello`: a client begins TLS, and nothing has been answered yet.
public protocol TLSClientHelloHandler: Addon {
    func tlsClientHello(_ hello: TLSClientHello) async throws -> TLSClientHelloReply
}

/// `tls_established_client` and `tls_failed_client`: the outcome of a TLS handshake with a client.
public protocol ClientTLSHandler: Addon {
    /// - Parameter connection: the client's connection, with everything that the daemon sent about it.
    func tlsEstablishedClient(_ connection: JSONValue) async throws
    /// - Parameter error: what went wrong.
    func tlsFailedClient(_ connection: JSONValue, error: String) async throws
}

/// `tls_established_server` and `tls_failed_server`: the outcome of a TLS handshake with a server.
public protocol ServerTLSHandler: Addon {
    /// - Parameter connection: the server's connection, with everything that the daemon sent about it.
    func tlsEstablishedServer(_ connection: JSONValue) async throws
    /// - Parameter error: what went wrong.
    func tlsFailedServer(_ connection: JSONValue, error: String) async throws
}

/// `tls_established_client`, `tls_failed_client`, `tls_established_server` and `tls_failed_server`, with both connections. It
/// replaces ``ClientTLSHandler`` and ``ServerTLSHandler``.
public protocol TLSOutcomeHandler: Addon {
    func tlsOutcome(_ outcome: TLSOutcome) async throws
}

/// `tcp_start`: a connection that does not carry HTTP, before its first byte is forwarded.
public protocol TCPStartHandler: Addon {
    func tcpStart(_ flow: TCPFlow) async throws
}

/// `tcp_message`: bytes in one direction, in `flow.message`. They can be changed or dropped.
public protocol TCPMessageHandler: Addon {
    func tcpMessage(_ flow: TCPFlow) async throws
}

/// `tcp_error`: the flow failed; `flow.error` says why. `tcp_end` follows.
public protocol TCPErrorHandler: Addon {
    func tcpError(_ flow: TCPFlow) async throws
}

/// `tcp_end`: the last event of a TCP flow.
public protocol TCPEndHandler: Addon {
    func tcpEnd(_ flow: TCPFlow) async throws
}
