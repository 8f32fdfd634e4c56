/// The events that the daemon sends to addons, by their method names on the socket.
public enum Event: String, CaseIterable, Sendable {
    case start
    case configure
    case done
    case log
    case tick
    case clientconnect
    case clientdisconnect
    case nextLayer = "next_layer"
    case serverconnect
    case serverdisconnect
    case httpConnect = "http_connect"
    case requestheaders
    case request
    case responseheaders
    case response
    case error
    case websocketHandshake = "websocket_handshake"
    case websocketStart = "websocket_start"
    case websocketMessage = "websocket_message"
    case websocketError = "websocket_error"
    case websocketEnd = "websocket_end"
    case tcpStart = "tcp_start"
    case tcpMessage = "tcp_message"
    case tcpError = "tcp_error"
    case tcpEnd = "tcp_end"
    case running
    case update
    case requestData = "request_data"
    case responseData = "response_data"
    case httpConnectUpstream = "http_connect_upstream"
    case httpConnected = "http_connected"
    case httpConnectError = "http_connect_error"
    case serverconnected
    case serverconnectError = "serverconnect_error"
    case tlsClienthello = "tls_clienthello"
    case tlsEstablishedClient = "tls_established_client"
    case tlsEstablishedServer = "tls_established_server"
    case tlsFailedClient = "tls_failed_client"
    case tlsFailedServer = "tls_failed_server"
    case socks5Auth = "socks5_auth"
    case dnsRequest = "dns_request"
    case dnsResponse = "dns_response"
    case dnsError = "dns_error"
    case udpStart = "udp_start"
    case udpMessage = "udp_message"
    case udpError = "udp_error"
    case udpEnd = "udp_end"
}

extension Event {
    /// Its position among all events, from 0. An enum without payloads is stored as exactly that.
    @inlinable public var ordinal: Int { withUnsafeBytes(of: self) { Int($0[0]) } }

    /// Whether the daemon waits for a reply. Otherwise the event is a notification.
    public var isRequest: Bool {
        switch self {
        case .start, .configure, .done, .clientconnect, .nextLayer, .serverconnect, .httpConnect, .requestheaders,
            .request, .responseheaders, .response, .error, .websocketHandshake, .websocketStart, .websocketMessage,
            .tcpStart, .tcpMessage, .requestData, .responseData, .httpConnectUpstream, .tlsClienthello, .socks5Auth,
            .dnsRequest, .dnsResponse, .udpStart, .udpMessage:
            true
        case .log, .tick, .clientdisconnect, .serverdisconnect, .websocketError, .websocketEnd, .tcpError, .tcpEnd,
            .running, .update, .httpConnected, .httpConnectError, .serverconnected, .serverconnectError,
            .tlsEstablishedClient, .tlsEstablishedServer, .tlsFailedClient, .tlsFailedServer, .dnsError, .udpError,
            .udpEnd:
            false
        }
    }

    /// Whether the event is about a flow, so that filters apply.
    public var hasFlow: Bool {
        switch self {
        case .start, .configure, .done, .log, .tick, .running, .clientconnect, .clientdisconnect, .nextLayer,
            .serverconnect, .serverdisconnect, .serverconnected, .serverconnectError, .tlsClienthello,
            .tlsEstablishedClient, .tlsEstablishedServer, .tlsFailedClient, .tlsFailedServer, .socks5Auth:
            false
        case .httpConnect, .requestheaders, .request, .responseheaders, .response, .error, .websocketHandshake,
            .websocketStart, .websocketMessage, .websocketError, .websocketEnd, .tcpStart, .tcpMessage, .tcpError,
            .tcpEnd, .update, .requestData, .responseData, .httpConnectUpstream, .httpConnected, .httpConnectError,
            .dnsRequest, .dnsResponse, .dnsError, .udpStart, .udpMessage, .udpError, .udpEnd:
            true
        }
    }

    /// Whether the event comes after the request was sent, whose body may have been kept for it.
    public var comesAfterRequest: Bool { self == .responseheaders || self == .response || self == .error }

    static let namesAfterRequest = allCases.filter(\.comesAfterRequest).map(\.rawValue).joined(separator: ", ")

    /// Whether every addon gets the event without subscribing to it.
    public var isLifecycle: Bool {
        switch self {
        case .start, .configure, .done: true
        default: false
        }
    }

    /// Whether the daemon sends an event.
    public enum Availability: Sendable {
        case now
        /// The name is reserved; the daemon does not send the event yet.
        case later
    }

    /// Whether the daemon sends this event.
    public var availability: Availability { Self.later.contains(self) ? .later : .now }

    private static let later: Set<Event> = [
        .dnsRequest,
        .dnsResponse,
        .dnsError,
        .udpStart,
        .udpMessage,
        .udpError,
        .udpEnd,
    ]

    /// The longest pattern in bytes. Longer ones match nothing.
    public static let maximumPatternBytes = 256

    /// Returns the events whose names match `pattern`, in which each `*` stands for any number of characters.
    public static func matching(_ pattern: String) -> [Event] {
        guard pattern.utf8.count <= maximumPatternBytes else { return [] }
        if let event = Event(rawValue: pattern) { return [event] }
        guard pattern.utf8.contains(UInt8(ascii: "*")) else { return [] }
        let names = WildcardPattern(pattern)
        return allCases.filter { names.matches(Array($0.rawValue.utf8)[...]) }
    }
}
