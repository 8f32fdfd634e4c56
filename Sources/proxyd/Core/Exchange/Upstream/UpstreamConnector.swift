import AddonProtocol
import Glibc
import NIOCore
import NIOPosix
import ProxyCodecs
import ProxyTLS

/// Opens connections to servers, and fires their events.
struct UpstreamConnector {
    let client: Client
    private let interruption: Interruption

    /// - Parameter interruption: that of the exchange that wants the connection; nil means the client's.
    init(client: Client, _ interruption: Interruption? = nil) {
        self.client = client
        self.interruption = interruption ?? client.interruption
    }

    private var services: Services { client.services }
    private var loop: FlowLoop { client.loop }

    /// Connects, with TLS if the destination's scheme is https, unless an addon decides otherwise.
    ///
    /// - Parameters:
    /// - alpn: the protocols to offer to the server, unless the client or an addon decides otherwise.
    /// - forUpgrade: whether the connection will switch to another protocol, so that an upstream proxy must open a
    ///   tunnel.
    func connect(
        to destination: Destination,
        serverName: String? = nil,
        alpn: [String],
        forUpgrade: @autoclosure () -> Bool = false
    ) async throws(FlowError)
        -> UpstreamConnection
    {
        let alpn = client.withoutALPN.contains(destination.named) ? [] : alpn
        let connection = try await connectPlain(
            to: destination,
            isTLS: destination.scheme == "https",
            serverName: serverName,
            alpn: alpn,
            forUpgrade: forUpgrade()
        )
        if connection.info.tls?.isEstablished == false { try await startTLS(on: connection, alpn: alpn) }
        return connection
    }

    /// Connects without sending anything, unless an addon wants TLS from the start.
    func connectPlain(
        to destination: Destination,
        isTLS: Bool,
        serverName: String? = nil,
        alpn: [String] = [],
        forUpgrade: @autoclosure () -> Bool = false
    ) async throws(FlowError) -> UpstreamConnection {
        assertOnLoop(loop.eventLoop)
        let named = ConnectionInfo.Address(host: destination.host, port: destination.port)
        let address = destination.route?.address ?? client.serverAddress ?? named
        let proxy = destination.route?.via ?? client.mode.upstreamProxy
        let info = client.takePlannedServer(to: address, via: proxy)
        if isTLS {
            let name = serverName ?? client.serverNames[destination.named] ?? destination.host
            info.tls = .init(alpnOffers: alpn, serverName: name)
        }
        let event = ServerConnectEvent(server: info, client: client.info, usualTerms: usualTerms)
        let connection: UpstreamConnection
        do throws(FlowError) {
            try await loop.dispatcher.ask(.serverconnect, event, on: loop, interruption)
            if let refusal = info.error { throw FlowError(.connectFailed, "refused by an addon: \(refusal)") }
            let stream = try await open(info, for: named)
            let isElsewhere = info.address != address || info.via != proxy
            // The content of a tunnel goes where the tunnel goes.
            connection = opened(stream, info, destination, isRedirected: isElsewhere && !destination.isTunnel)
        } catch {
            info.error = error.message
            info.timestampEnd = secondsSinceEpoch()
            notify(.serverconnectError, info)
            throw error
        }
        if let proxy = info.via {
            let isHTTP1 = destination.scheme == "http" && !destination.speaksH2C
            let isPlain = isHTTP1 && info.address == named && info.tls == nil && !forUpgrade()
            let tunnel = UpstreamTunnel(
                client: client,
                connection: connection,
                proxy: proxy,
                interruption: interruption
            )
            try await tunnel.enter(forRequests: isPlain)
        }
        if destination.isTunnel, info.tls != nil {
            try await startTLS(on: connection, alpn: [])
            connection.hasTLSAhead = true
        }
        return connection
    }

    private var usualTerms: ServerConnectEvent.UsualTerms {
        .init(
            terms: ServerTLSTerms(loop.options),
            certificates: loop.material.tls.clientCertificates
        )
    }

    private func notify(_ event: Event, _ info: ConnectionInfo) {
        loop.dispatcher.notify(event, ServerConnectEvent(server: info, client: client.info))
    }

    // MARK: TCP

    /// - Parameter named: the destination that the request names.
    private func open(
        _ info: ConnectionInfo,
        for named: ConnectionInfo.Address
    ) async throws(FlowError) -> ByteStream {
        guard let server = info.address else { throw FlowError(.connectFailed, "no address to connect to") }
        let address = info.via.map { ConnectionInfo.Address(host: $0.host, port: $0.port) } ?? server
        guard services.rounds.count(of: client.info.peername) < Limits.rounds else { throw .loop }
        guard services.connections.hasRoom(for: .server) else { throw .noDescriptor(for: address) }
        info.timestampStart = secondsSinceEpoch()
        let outcome = ConnectOutcome()
        let blocks = try blocks(for: server, info.via)
        bootstrap(outcome, blocks, from: info.sockname).connect(host: address.host, port: address.port)
            .whenFailure { outcome.fill(.failed($0)) }
        let result = await interruption.during(
            { await outcome.value() },
            cut: { outcome.fill(.interrupted($0)) }
        )
        switch result {
        case .connected(let stream):
            let peer = stream.transport.remoteAddress.map(ConnectionInfo.Address.init)
            guard peer == nil || peer != client.info.sockname else {
                stream.close()
                let isNamed = info.via == nil && address == named
                throw FlowError(.connectFailed, "\(address) is this proxy itself", isNamedProxyItself: isNamed)
            }
            return stream
        case .interrupted(let error):
            throw error
        case .failed(let error):
            throw FlowError(connecting: address, from: info.sockname, error)
        }
    }

    /// The addresses that this connection must not lead to; none if a mode names the peer. A destination given by
    /// address is also checked when an upstream proxy will connect to it; names are resolved by the proxy.
    private func blocks(
        for server: ConnectionInfo.Address,
        _ proxy: UpstreamProxy?
    ) throws(FlowError) -> [AddressBlock] {
        let blocks = loop.options.upstreamBlock
        guard !blocks.isEmpty else { return [] }
        if let target = client.mode.reverseDestination, target.host == server.host, target.port == server.port {
            return []
        }
        guard let proxy else { return blocks }
        if let blocked = BlockedAddress(IPAddress(server.host), in: blocks) {
            throw FlowError(connecting: server, blocked)
        }
        return proxy == client.mode.upstreamProxy ? [] : blocks
    }

    /// - Parameter local: the local address that an addon wants for the connection.
    private func bootstrap(
        _ outcome: ConnectOutcome,
        _ blocks: [AddressBlock],
        from local: ConnectionInfo.Address?
    ) -> ClientBootstrap {
        let bootstrap = bootstrap(outcome, blocks)
        guard let local, let address = try? SocketAddress(ipAddress: local.host, port: local.port) else {
            return bootstrap
        }
        // Allows reusing a port as soon as nobody listens on it.
        return bootstrap.channelOption(.socketOption(.so_reuseaddr), value: 1).bind(to: address)
    }

    private func bootstrap(_ outcome: ConnectOutcome, _ blocks: [AddressBlock]) -> ClientBootstrap {
        let connections = services.connections
        return ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(.seconds(Int64(loop.options.connectTimeout)))
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.writeBufferWaterMark, value: Limits.writeBuffer)
            .channelOption(.maxMessagesPerRead, value: Limits.buffersAtOnce)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.count(channel, as: .server)
                    if !blocks.isEmpty { try channel.pipeline.syncOperations.addHandler(AddressGate(blocks)) }
                    try ByteStream.open(on: channel) { outcome.fill(.connected($0)) }
                }
            }
    }

    private func opened(
        _ stream: ByteStream,
        _ info: ConnectionInfo,
        _ destination: Destination,
        isRedirected: Bool
    ) -> UpstreamConnection {
        loop.counters.serverConnections += 1
        info.peername = stream.transport.remoteAddress.map(ConnectionInfo.Address.init)
        info.sockname = stream.transport.localAddress.map(ConnectionInfo.Address.init)
        info.timestampTCPSetup = secondsSinceEpoch()
        services.rounds.note(stream, for: client.info.peername)
        notify(.serverconnected, info)
        let pool = client.upstreams
        let connection = UpstreamConnection(
            stream: stream,
            info: info,
            destination: destination,
            isRedirected: isRedirected,
            limits: client.limits
        )
        connection.onEnd = { [unowned connection] in
            pool.ended(connection)
            self.notify(.serverdisconnect, info)
        }
        pool.opened(connection)
        loop.watch(stream)
        return connection
    }

    // MARK: TLS

    /// Speaks TLS on an open connection.
    ///
    /// - Parameter serverName: the name to verify; nil means the one of the `serverconnect` event.
    func startTLS(
        on connection: UpstreamConnection,
        serverName: String? = nil,
        alpn: [String]
    ) async throws(FlowError) {
        let info = connection.info
        let name = info.plannedServerName ?? serverName ?? info.tls?.serverName ?? connection.destination.host
        if info.tls == nil { info.tls = ConnectionInfo.TLS() }
        info.tls?.serverName = name
        let alpn = info.plannedALPN ?? alpn
        info.tls?.alpnOffers = alpn
        let session = try await shakeHands(on: connection, with: name, alpn: alpn, info.tlsTerms)
        info.take(session)
        connection.peerCertificates = session.peerCertificates
        notifyTLS(.tlsEstablishedServer, info)
    }

    private func notifyTLS(_ event: Event, _ info: ConnectionInfo) {
        loop.dispatcher.notify(event, TLSOutcomeEvent(info, client: client.info, server: { info }))
    }

    /// Performs a TLS handshake with the connection's present peer: the server, or a proxy.
    ///
    /// - Parameter terms: the TLS terms for the server.
    func shakeHands(
        on connection: UpstreamConnection,
        with name: String,
        alpn: [String] = [ALPN.http1],
        _ terms: ServerTLSTerms? = nil
    ) async throws(FlowError) -> TLSSession {
        do {
            let stream = connection.stream
            let timeout = TimeAmount.seconds(Int64(loop.options.connectTimeout))
            let handler = try TLSHandler.client(
                settings(for: name, alpn, terms),
                on: loop.eventLoop,
                alreadyRead: stream.takeUnread(),
                handshakeTimeout: timeout
            )
            try stream.insert(handler)
            let session = await interruption.during(
                { await handler.handshake.result },
                cut: { _ in stream.close() }
            )
            return try session.get()
        } catch {
            connection.info.error = "TLS with \(name) failed: \(error)"
            notifyTLS(.tlsFailedServer, connection.info)
            connection.end()
            throw interruption.error ?? FlowError(.tlsFailed, "TLS with \(name) failed: \(error)")
        }
    }

    private func settings(
        for serverName: String,
        _ alpn: [String],
        _ terms: ServerTLSTerms?
    ) throws(TLSError) -> TLSClientSettings {
        let usual = usualTerms
        let terms = terms ?? usual.terms
        let trusted = loop.options.sslVerifyUpstreamTrustedCA?.path
        var settings = TLSClientSettings(
            serverName: serverName,
            verification: terms.verifies ? .full(trustedCAFile: trusted) : .none,
            minimumVersion: terms.minimumVersion,
            alpnProtocols: alpn,
            keyLog: services.keyLog
        )
        settings.maximumVersion = terms.maximumVersion
        settings.certificate = try terms.certificate(for: serverName, of: usual.certificates)
        settings.ciphers = terms.ciphers
        return settings
    }
}

/// The outcome of a connection attempt that may be abandoned. Confined to its loop.
private final class ConnectOutcome: @unchecked Sendable {
    enum Value {
        case connected(ByteStream)
        case failed(any Error)
        case interrupted(FlowError)
    }

    private var filled: Value?
    private var continuation: UnsafeContinuation<Value, Never>?

    /// Waits for the outcome.
    func value() async -> Value {
        if let filled { return filled }
        return await withUnsafeContinuation { continuation = $0 }
    }

    /// Completes with the first value. A connection that arrives too late is closed.
    func fill(_ value: Value) {
        guard filled == nil else {
            if case .connected(let stream) = value { stream.close() }
            return
        }
        filled = value
        let waiting = continuation
        continuation = nil
        waiting?.resume(returning: value)
    }
}

extension ConnectionInfo {
    /// Stores the result of a handshake.
    func take(_ session: TLSSession) {
        tls?.version = session.version
        tls?.cipher = session.cipher
        tls?.alpn = session.alpn
        tls?.certificates = session.peerCertificates.map(\.pem)
        tls?.isEstablished = true
        timestampTLSSetup = secondsSinceEpoch()
    }
}

extension ConnectionInfo.Address {
    /// Converts the IPv4-mapped address of an IPv4 peer of a listener on `::`.
    init(_ address: SocketAddress) {
        let host = address.ipAddress ?? address.pathname ?? ""
        let isMapped = host.hasPrefix("::ffff:") && host.contains(".")
        self.init(host: isMapped ? String(host.dropFirst(7)) : host, port: address.port ?? 0)
    }
}

extension EventLoopFuture where Value: Sendable {
    /// The outcome, without throwing.
    var result: Result<Value, any Error> {
        get async {
            do {
                return .success(try await get())
            } catch {
                return .failure(error)
            }
        }
    }
}
