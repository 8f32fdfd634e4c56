public import AddonProtocol

/// What a connection may be taken for.
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

/// What the daemon takes a connection for from here on.
public struct LayerDecision: Sendable {
    /// The daemon's choice, or that of an addon before this one; nil for one that this SDK does not know.
    public let layer: Layer?
    /// The layers so far, the outermost first.
    public let layers: [String]
    /// Everything that the daemon sent of the two connections; null when it sent none.
    public let client: JSONValue
    public let server: JSONValue
    /// What the client and the server have sent and nobody has taken.
    public let clientData: [UInt8]
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

/// What a client says first in TLS; numbers are in wire order.
public struct TLSClientHello: Sendable {
    public let serverName: String?
    public let alpnProtocols: [String]
    public let cipherSuites: [Int]
    public let extensions: [Int]
    /// The client's JA4 fingerprint.
    public let ja4: String
    /// Everything that the daemon sent of the client's connection.
    public let client: JSONValue
    /// The same of the server's, as far as it is known; null where only requests will say where they go.
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

/// How to go on with a client that begins TLS.
public enum TLSClientHelloReply: Sendable, Equatable {
    /// As the daemon would.
    case proceed
    /// Everything, the ClientHello included, is passed to the server as it came.
    case ignoreConnection
    /// TLS with the server comes before (or after) TLS with the client.
    case serverFirst(Bool)
    /// The client is shown this certificate (PEM text with its key, and perhaps a chain), and answered in ALPN the first of
    /// these protocols that it offers; nil leaves either to the daemon.
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

/// How TLS with a client, or with a server, came out.
public struct TLSOutcome: Sendable {
    public enum Side: Sendable {
        case client
        case server
    }

    /// With whom TLS was to be spoken.
    public let side: Side
    /// What went wrong; nil when nothing did.
    public let error: String?
    /// Everything that the daemon sent of the two connections; the server's is null where none is known.
    public let client: JSONValue
    public let server: JSONValue

    init(_ side: Side, _ params: JSONValue) {
        self.side = side
        error = params["conn"]?["error"]?.stringValue
        client = params["client_conn"] ?? .null
        server = params["server_conn"] ?? .null
    }
}
