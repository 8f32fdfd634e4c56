import AddonProtocol
import ProxyCodecs

/// One side's connection as addons see it: `client_conn` or `server_conn` of protocol section 3.4.
///
/// Its JSON is cached until something changes, since every event of every flow on the connection carries it.
final class ConnectionInfo: @unchecked Sendable {
    /// Which side of the proxy a connection is on.
    enum Side {
        case client(mode: String)
        case server
    }

    /// A host, by name or IP address, and a port.
    struct Address: Hashable, Sendable, CustomStringConvertible {
        var host: String
        var port: Int

        var description: String { Authority(host: host, port: port).description(defaultPort: nil) }
    }

    /// What is known of TLS on the connection.
    struct TLS: Sendable {
        var version: String?
        var cipher: String?
        var alpn: String?
        var alpnOffers: [String] = []
        var serverName: String?
        var certificates: [String] = []
        var mitmCertificate: String?
        /// The JA4 fingerprint of the ClientHello; nil on the server's side.
        var ja4: String?
        var isEstablished = false
    }

    let id: String
    let side: Side
    /// Numbers the client connections; a server connection has the number of the client that it serves.
    let number: Int
    var peername: Address? { didSet { encoded = nil } }
    var sockname: Address? { didSet { encoded = nil } }
    /// The server's address; nil on the client's side.
    var address: Address? { didSet { encoded = nil } }
    /// The upstream proxy, if any; nil on the client's side.
    var via: UpstreamProxy? { didSet { encoded = nil } }
    /// The TLS parameters of a connection that is, or will be, encrypted; nil when it is not.
    var tls: TLS? { didSet { encoded = nil } }
    /// The server name (SNI) that an addon wants, while it is not yet known whether there will be TLS.
    var plannedServerName: String? { didSet { encoded = nil } }
    /// The ALPN protocols that an addon wants to offer to the server; nil means what suits the client.
    var plannedALPN: [String]? { didSet { encoded = nil } }
    /// The TLS terms that an addon wants for the server; nil means those of the options.
    var tlsTerms: ServerTLSTerms?
    /// Where the client's requests go when the client itself does not say; nil on the server's side.
    var usualRoute: Route?
    var error: String? { didSet { encoded = nil } }
    var timestampStart: Double? { didSet { encoded = nil } }
    var timestampTCPSetup: Double? { didSet { encoded = nil } }
    var timestampTLSSetup: Double? { didSet { encoded = nil } }
    var timestampEnd: Double? { didSet { encoded = nil } }

    private var encoded: [UInt8]?

    init(id: String, side: Side, number: Int) {
        self.id = id
        self.side = side
        self.number = number
    }

    /// Copies a client's connection for one of its tunnels, about which more may become known separately.
    convenience init(inTunnelOf other: ConnectionInfo) {
        self.init(id: other.id, side: other.side, number: other.number)
        peername = other.peername
        sockname = other.sockname
        tls = other.tls
        timestampStart = other.timestampStart
        timestampTLSSetup = other.timestampTLSSetup
        usualRoute = other.usualRoute
    }

    /// The server name (SNI), as far as it is known.
    var serverName: String? { tls?.serverName ?? plannedServerName }

    /// The mode of the listener that accepted the client; nil on the server's side.
    var proxyMode: String? {
        switch side {
        case .client(let mode): mode
        case .server: nil
        }
    }

    /// The snapshot as JSON.
    var json: [UInt8] {
        if let encoded { return encoded }
        var writer = JSONWriter(capacity: 512)
        write(into: &writer)
        encoded = writer.bytes
        return writer.bytes
    }

    private func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writeMembers(into: &writer)
        writer.endObject()
    }

    /// Writes the members of the snapshot.
    func writeMembers(into writer: inout JSONWriter) {
        writer.key("id")
        writer.string(id)
        writer.field("peername", peername)
        writer.field("sockname", sockname)
        switch side {
        case .client(let mode):
            writer.field("proxy_mode", mode)
        case .server:
            writer.field("address", address)
            writer.field("via", via)
            writer.field("timestamp_tcp_setup", timestampTCPSetup)
        }
        writeTLS(into: &writer)
        writer.field("error", error)
        writer.field("timestamp_start", timestampStart)
        writer.field("timestamp_tls_setup", timestampTLSSetup)
        writer.field("timestamp_end", timestampEnd)
    }

    private func writeTLS(into writer: inout JSONWriter) {
        writer.key("tls")
        writer.bool(tls != nil)
        writer.field("tls_version", tls?.version)
        writer.field("cipher", tls?.cipher)
        writer.field("alpn", tls?.alpn)
        writer.field("alpn_offers", plannedALPN ?? tls?.alpnOffers ?? [])
        writer.field("sni", serverName)
        writer.field("certificate_list", tls?.certificates ?? [])
        guard case .client = side else { return }
        writer.field("mitmcert", tls?.mitmCertificate)
        writer.field("ja4", tls?.ja4)
    }
}

extension JSONWriter {
    mutating func field(_ name: StaticString, _ connection: ConnectionInfo?) {
        key(name)
        if let connection { raw(connection.json) } else { null() }
    }

    mutating func field(_ name: StaticString, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func field(_ name: StaticString, _ value: Double?) {
        key(name)
        if let value { number(value) } else { null() }
    }

    mutating func field(_ name: StaticString, _ value: ConnectionInfo.Address?) {
        key(name)
        guard let value else { return null() }
        beginArray()
        string(value.host)
        integer(value.port)
        endArray()
    }

    mutating func field(_ name: StaticString, _ values: [String]) {
        key(name)
        beginArray()
        for value in values { string(value) }
        endArray()
    }
}
