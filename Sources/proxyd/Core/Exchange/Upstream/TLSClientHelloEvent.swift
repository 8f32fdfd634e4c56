import AddonProtocol
import ProxyCodecs
import ProxyTLS

/// The subject of `tls_clienthello`: a client's ClientHello, before it is answered.
final class TLSClientHelloEvent: EventSubject {
    private let client: ConnectionInfo
    private let server: () -> ConnectionInfo?
    private let hello: ClientHello
    /// Whether an addon wants the client's TLS passed through untouched.
    private(set) var ignoresConnection = false
    /// Whether TLS with the server comes before TLS with the client.
    private(set) var establishesServerFirst: Bool
    /// The certificate that an addon wants the client to see in place of a generated one.
    private(set) var certificate: LeafCertificate?
    /// The ALPN protocols that an addon wants for the client, most preferred first; nil means those of the server.
    private(set) var alpn: [String]?
    private let hasDestination: Bool

    /// - Parameters:
    /// - server: the server connection, as far as it is known.
    /// - hasDestination: whether there is a destination to which TLS could be passed through.
    init(
        client: ConnectionInfo,
        server: @escaping () -> ConnectionInfo?,
        hello: ClientHello,
        establishesServerFirst: Bool,
        hasDestination: Bool
    ) {
        self.client = client
        self.server = server
        self.hello = hello
        self.establishesServerFirst = establishesServerFirst
        self.hasDestination = hasDestination
    }

    var connection: ConnectionInfo? { client }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("client_conn")
        writer.raw(client.json)
        writer.key("client_hello")
        writer.beginObject()
        writer.field("sni", hello.serverName)
        writer.field("alpn_protocols", hello.alpnProtocols)
        writer.field("cipher_suites", hello.cipherSuites)
        writer.field("extensions", hello.extensions)
        writer.field("ja4", hello.ja4)
        writer.endObject()
        writer.field("server_conn", server())
    }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        switch name {
        case "ignore_connection":
            let ignores = try patch.bool(at: name)
            guard !ignores || hasDestination else {
                throw PatchRefusal(name, "the connection has no destination here: this is the proxy itself")
            }
            ignoresConnection = ignores
        case "establish_server_tls_first":
            establishesServerFirst = try patch.bool(at: name)
        case "certificate":
            certificate = patch.isNull ? nil : try .reading(patch, at: name)
        case "alpn":
            alpn = patch.isNull ? nil : try ALPN.offers(patch, at: name)
        case "client_conn", "server_conn", "client_hello":
            guard patch.pruned(against: sent()) != nil else { return false }
            throw .readOnly(name)
        default:
            throw PatchRefusal(
                name,
                "no such argument; allowed: \(Self.choices.joined(separator: ", ")), action, stop"
            )
        }
        return false
    }

    private static let choices = ["ignore_connection", "establish_server_tls_first", "certificate", "alpn"]
}

/// The subject of `tls_established_*` and `tls_failed_*`: the connection on which TLS was attempted.
final class TLSOutcomeEvent: EventSubject {
    private let info: ConnectionInfo
    private let client: ConnectionInfo
    private let server: () -> ConnectionInfo?

    /// - Parameters:
    /// - connection: the client's or the server's.
    /// - server: the server connection, as far as it is known.
    init(_ connection: ConnectionInfo, client: ConnectionInfo, server: @escaping () -> ConnectionInfo?) {
        info = connection
        self.client = client
        self.server = server
    }

    var connection: ConnectionInfo? { info }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.field("conn", info)
        writer.field("client_conn", client)
        writer.field("server_conn", server())
    }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        throw .readOnly(name)
    }
}

extension JSONWriter {
    fileprivate mutating func field(_ name: StaticString, _ values: [UInt16]) {
        key(name)
        beginArray()
        for value in values { integer(Int(value)) }
        endArray()
    }
}
