public import AddonProtocol
import Synchronization

/// A host and a port.
public struct Address: Sendable, Equatable {
    /// A name or an IP address, without brackets.
    public var host: String
    /// The TCP port.
    public var port: Int

    /// An address with this host and port.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `["host", port]`.
    init?(_ json: JSONValue) {
        guard let pair = json.arrayValue, pair.count >= 2, let host = pair[0].stringValue, let port = pair[1].intValue
        else { return nil }
        self.init(host: host, port: port)
    }

    var json: JSONValue { [.string(host), .integer(port)] }
}

extension Address: CustomStringConvertible {
    /// `host:port`, with brackets around an IPv6 address (RFC 3986, section 3.2.2).
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A proxy between the daemon and servers.
public struct UpstreamProxy: Sendable, Equatable {
    /// The protocol of the proxy.
    public enum Scheme: String, Sendable {
        case http
        /// HTTP over TLS to the proxy itself.
        case https
    }

    /// The protocol of the proxy.
    public var scheme: Scheme
    /// Where the proxy listens.
    public var address: Address

    /// A proxy with this protocol and address.
    public init(_ scheme: Scheme, _ address: Address) {
        self.scheme = scheme
        self.address = address
    }

    /// Reads `["http", ["host", port]]`.
    init?(_ json: JSONValue) {
        guard let pair = json.arrayValue, pair.count == 2, let address = Address(pair[1]),
            let scheme = pair[0].stringValue.flatMap(Scheme.init)
        else { return nil }
        self.init(scheme, address)
    }

    var json: JSONValue { [.string(scheme.rawValue), address.json] }
}

/// What an addon requires of TLS with a server at `serverconnect`; nil leaves a setting to the daemon.
public struct ServerTLSTerms: Sendable, Equatable {
    /// Whether the server's certificate must be trusted and match its name.
    public var verifies: Bool?
    /// The certificate for a server that requests one: PEM text of the certificate, its key, and optionally a chain. Empty:
    /// none.
    public var clientCertificate: String?
    /// The ciphers of TLS 1.2 and below, in OpenSSL's cipher list format.
    public var ciphers: String?
    /// The lowest version: `TLS1_2`, `TLS1_3`, …, as in the option `tls_version_server_min`.
    public var minimumVersion: String?
    /// The highest version, in the same form.
    public var maximumVersion: String?

    /// Terms with these settings.
    public init(
        verifies: Bool? = nil,
        clientCertificate: String? = nil,
        ciphers: String? = nil,
        minimumVersion: String? = nil,
        maximumVersion: String? = nil
    ) {
        self.verifies = verifies
        self.clientCertificate = clientCertificate
        self.ciphers = ciphers
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
    }

    func write(into server: inout MergePatch) {
        server.set("verify", verifies.map { .bool($0) })
        server.set("client_cert", clientCertificate.map { .string($0) })
        server.set("ciphers", ciphers.map { .string($0) })
        server.set("tls_version_min", minimumVersion.map { .string($0) })
        server.set("tls_version_max", maximumVersion.map { .string($0) })
    }
}

/// A client's or a server's connection at one of its events.
public final class ConnectionEvent: Sendable {
    private let clientJSON: LazyJSON
    private let serverJSON: LazyJSON
    private let hasRootLayer: Bool
    private let state = Mutex(State())

    private struct State {
        var refusal: String?
        var serverAddress: Address?
        var upstreamProxy: UpstreamProxy??
        var usesTLS: Bool?
        var serverName: String?
        var firstLayer: Layer?
        var isHeld = false
        var localAddress: Address?
        var tls = ServerTLSTerms()
    }

    init(_ params: LazyJSON) {
        let layer = params["root_layer"]
        hasRootLayer = layer != nil
        clientJSON = (layer ?? params)["client_conn"] ?? .null
        serverJSON = (layer ?? params)["server_conn"] ?? .null
    }

    /// Everything that the daemon sent about the client's connection, decoded at each use; null when it sent nothing.
    public var client: JSONValue { clientJSON.value }
    /// Everything that the daemon sent about the server's connection, decoded at each use; null when it sent nothing.
    public var server: JSONValue { serverJSON.value }

    /// The client's address, if it is known.
    public var clientAddress: Address? { (clientJSON["peername"]?.value).flatMap(Address.init) }

    /// The address to connect to. It can be set at `clientconnect` and `serverconnect`.
    public var serverAddress: Address? {
        get { state.withLock { $0.serverAddress } ?? (serverJSON["address"]?.value).flatMap(Address.init) }
        set { state.withLock { $0.serverAddress = newValue } }
    }

    /// The proxy through which to reach the server; nil: none. It can be set at `serverconnect`.
    public var upstreamProxy: UpstreamProxy? {
        get { state.withLock { $0.upstreamProxy } ?? (serverJSON["via"]?.value).flatMap(UpstreamProxy.init) }
        set { state.withLock { $0.upstreamProxy = .some(newValue) } }
    }

    /// Whether to use TLS with the server. It can be set at `serverconnect`.
    public var usesTLS: Bool {
        get { state.withLock { $0.usesTLS } ?? serverJSON["tls"]?.value.boolValue ?? false }
        set { state.withLock { $0.usesTLS = newValue } }
    }

    /// The server's name in TLS (SNI). It can be set at `serverconnect`.
    public var serverName: String? {
        get { state.withLock { $0.serverName } ?? serverJSON["sni"]?.value.stringValue }
        set { state.withLock { $0.serverName = newValue } }
    }

    /// The local address to connect from; port 0 means any. It can be set at `serverconnect`.
    public var localAddress: Address? {
        get { state.withLock { $0.localAddress } ?? (serverJSON["sockname"]?.value).flatMap(Address.init) }
        set { state.withLock { $0.localAddress = newValue } }
    }

    /// How TLS with the server differs from the daemon's defaults. It can be set at `serverconnect`.
    public var serverTLS: ServerTLSTerms {
        get { state.withLock { $0.tls } }
        set { state.withLock { $0.tls = newValue } }
    }

    /// The layer to treat the connection as; nil: its first bytes decide. It can be set at `clientconnect`.
    public var firstLayer: Layer? {
        get { state.withLock { $0.firstLayer } }
        set { state.withLock { $0.firstLayer = newValue } }
    }

    /// Why the connection failed; nil when it did not.
    public var error: String? { serverJSON["error"]?.value.stringValue ?? clientJSON["error"]?.value.stringValue }

    /// Refuses the connection: the client's at `clientconnect`, the one to the server at `serverconnect`.
    public func refuse(_ reason: String) { state.withLock { $0.refusal = reason } }

    /// Holds the connection once all addons have had the event, until `flow.resume` or `flow.kill` with its `id`, which is the
    /// id of the client's connection at `clientconnect`, and of the server's at `serverconnect`.
    public func hold() { state.withLock { $0.isHeld = true } }

    /// The reply to the daemon.
    func reply() -> JSONValue {
        let state = state.withLock { $0 }
        var client = MergePatch()
        var server = MergePatch()
        let refusal = state.refusal.map { JSONValue.string($0) }
        if hasRootLayer { client.set("error", refusal) } else { server.set("error", refusal) }
        server.set("address", state.serverAddress?.json)
        if let proxy = state.upstreamProxy { server.set("via", proxy?.json ?? .null) }
        server.set("tls", state.usesTLS.map { .bool($0) })
        server.set("sni", state.serverName.map { .string($0) })
        server.set("sockname", state.localAddress?.json)
        state.tls.write(into: &server)
        var connections = MergePatch()
        connections.set("client_conn", client.json)
        connections.set("server_conn", server.json)
        connections.set("layers", state.firstLayer.map { [.string($0.rawValue)] })
        var reply = MergePatch()
        if hasRootLayer { reply.set("root_layer", connections.json) } else { reply = connections }
        if state.isHeld { reply.set("action", "hold") }
        return reply.json ?? [:]
    }
}
