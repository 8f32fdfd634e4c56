public import AddonProtocol

/// What a connection may be treated as.
public enum Layer: String, Sendable {
    case tls
    case http1
    /// Bytes that addons see as a ``TCPFlow``.
    case tcp
    /// Bytes that no addon sees.
    case passthrough
    /// The connection is closed.
    case close
}

/// What the daemon will treat a connection as from here on.
public struct LayerDecision: Sendable {
    /// The choice of the daemon, or of an addon before this one; nil for a layer that this SDK does not know.
    public let layer: Layer?
    /// The layers so far, outermost first.
    public let layers: [String]
    /// Everything that the daemon sent about the client's connection; null when it sent nothing.
    public let client: JSONValue
    /// Everything that the daemon sent about the server's connection; null when it sent nothing.
    public let server: JSONValue
    /// The bytes that the client has sent and no layer has consumed.
    public let clientData: [UInt8]
    /// The bytes that the server has sent and no layer has consumed.
    public let serverData: [UInt8]

    init(_ params: JSONValue) {
        let json = params["layer"] ?? .null
        layer = json["name"]?.stringValue.flatMap(Layer.init)
        layers = (json["layers"]?.arrayValue ?? []).compactMap(\.stringValue)
        client = json["client_conn"] ?? .null
        server = json["server_conn"] ?? .null
        clientData = json["data_client"]?.bytesValue ?? []
        serverData = json["data_server"]?.bytesValue ?? []
    }
}

/// A TLS ClientHello; numbers are in wire order.
public struct TLSClientHello: Sendable {
    /// The server name indication (RFC 6066, section 3), if there is one.
    public let serverName: String?
    /// The offered ALPN protocols (RFC 7301).
    public let alpnProtocols: [String]
    /// The offered cipher suites.
    public let cipherSuites: [Int]
    /// The types of the extensions.
    public let extensions: [Int]
    /// The client's JA4 fingerprint.
    public let ja4: String
    /// Everything that the daemon sent about the client's connection.
    public let client: JSONValue
    /// The same about the server's, as far as it is known; null when only requests will name the server.
    public let server: JSONValue

    init(_ params: JSONValue) {
        let json = params["client_hello"] ?? .null
        serverName = json["sni"]?.stringValue
        alpnProtocols = (json["alpn_protocols"]?.arrayValue ?? []).compactMap(\.stringValue)
        cipherSuites = (json["cipher_suites"]?.arrayValue ?? []).compactMap(\.intValue)
        extensions = (json["extensions"]?.arrayValue ?? []).compactMap(\.intValue)
        ja4 = json.text("ja4")
        client = params["client_conn"] ?? .null
        server = params["server_conn"] ?? .null
    }
}

/// How to continue with a client that begins TLS.
public enum TLSClientHelloReply: Sendable, Equatable {
    /// As the daemon would by default.
    case proceed
    /// Tunnel everything to the server unchanged, including the ClientHello.
    case ignoreConnection
    /// Complete the TLS handshake with the server before (or after) the one with the client.
    case serverFirst(Bool)
    /// Show the client this certificate (PEM text with its key, and optionally a chain), and select in ALPN the first of these
    /// protocols that it offers; nil leaves either to the daemon.
    case answer(certificate: String? = nil, alpn: [String]? = nil)

    var json: JSONValue {
        switch self {
        case .proceed: [:]
        case .ignoreConnection: ["ignore_connection": true]
        case .serverFirst(let isFirst): ["establish_server_tls_first": .bool(isFirst)]
        case .answer(let certificate, let alpn): Self.answer(certificate, alpn)
        }
    }

    private static func answer(_ certificate: String?, _ alpn: [String]?) -> JSONValue {
        var reply = MergePatch()
        reply.set("certificate", certificate.map { .string($0) })
        reply.set("alpn", alpn.map { .array($0.map { .string($0) }) })
        return reply.json ?? [:]
    }
}

/// The outcome of a TLS handshake with a client or a server.
public struct TLSOutcome: Sendable {
    /// The peer of the handshake.
    public enum Side: Sendable {
        case client
        case server
    }

    /// The peer of the handshake.
    public let side: Side
    /// What went wrong; nil when the handshake succeeded.
    public let error: String?
    /// Everything that the daemon sent about the client's connection.
    public let client: JSONValue
    /// The same about the server's; null when none is known.
    public let server: JSONValue

    init(_ side: Side, _ params: JSONValue) {
        self.side = side
        error = params["conn"]?["error"]?.stringValue
        client = params["client_conn"] ?? .null
        server = params["server_conn"] ?? .null
    }
}
