/// Why a flow ended without a response: the `error` of protocol section 3.2, and the answer to the client.
struct FlowError: Error, Sendable, CustomStringConvertible {
    /// The kinds of errors, by their names in the protocol.
    enum Kind: String, Sendable {
        case clientDisconnected = "client_disconnected"
        case killed
        case malformedRequest = "malformed_request"
        case bodyTooLarge = "body_too_large"
        case connectFailed = "connect_failed"
        case tlsFailed = "tls_failed"
        case serverDisconnected = "server_disconnected"
        case malformedResponse = "malformed_response"
        case malformedMessage = "malformed_message"
        case timeout
        case addonFailed = "addon_failed"
        case memoryLimit = "memory_limit"
        case shutdown
    }

    let kind: Kind
    let message: String
    /// The status of the answer to the client, if its response has not begun.
    let status: Int
    /// The errno of a refused connection, if there is one.
    let systemError: CInt?
    /// Whether the server said that it has not acted on the request, so that it is safe to send it again.
    let isRefusal: Bool
    /// Whether the server that the request names turned out to be this proxy.
    let isNamedProxyItself: Bool

    init(
        _ kind: Kind,
        _ message: String,
        status: Int? = nil,
        systemError: CInt? = nil,
        isRefusal: Bool = false,
        isNamedProxyItself: Bool = false
    ) {
        self.kind = kind
        self.message = message
        self.systemError = systemError
        self.isRefusal = isRefusal
        self.isNamedProxyItself = isNamedProxyItself
        self.status = status ?? Self.usualStatus(of: kind)
    }

    private static func usualStatus(of kind: Kind) -> Int {
        switch kind {
        case .malformedRequest: 400
        case .bodyTooLarge: 413
        case .timeout: 504
        case .memoryLimit, .shutdown: 503
        case .clientDisconnected, .killed, .connectFailed, .tlsFailed, .serverDisconnected, .malformedResponse,
            .malformedMessage, .addonFailed:
            502
        }
    }

    static let clientLeftRequest = FlowError(
        .clientDisconnected,
        "client disconnected before the end of its request"
    )

    var description: String { message }

    /// Whether the client can still be answered. False when it has left, or when an addon killed the connection.
    var isAnswered: Bool {
        switch kind {
        case .clientDisconnected, .killed: false
        case .malformedRequest, .bodyTooLarge, .connectFailed, .tlsFailed, .serverDisconnected, .malformedResponse,
            .malformedMessage, .timeout, .addonFailed, .memoryLimit, .shutdown:
            true
        }
    }
}
