import AddonProtocol
import NIOCore
import ProxyTLS

/// What a connection to a known destination carries, layer upon layer: TLS, whose content is seen, plain HTTP, or bytes
/// as they are.
struct LayerStack {
    let client: ClientConnection
    let host: String
    let port: Int

    private var loop: LoopContext { client.loop }
    private var services: Services { client.services }

    /// Serves what comes through, until it has ended.
    ///
    /// - Parameter upstream: an open connection to the other end, on which nothing has been said; nil: it is made when
    ///   there is something to send.
    func run(over upstream: UpstreamConnection?) async {
        switch await guess(upstream) {
        case .tls:
            await carryTLS(upstream)
        case .http1:
            await serve("http", over: upstream)
        case .tcp:
            await relay("", over: upstream)
        case nil:
            return
        }
    }

    private func serve(_ scheme: String, over upstream: UpstreamConnection?) async {
        let named = UpstreamConnection.Destination(scheme: scheme, host: host, port: port)
        if let upstream {
            upstream.destination = named
            client.upstreams.put(upstream)
        }
        client.isBusy = false
        await HTTP1Server(client: client, way: .tunnel(named)).serve()
    }

    /// Passes bytes on, over TLS to the server when the scheme is https.
    func relay(_ scheme: String, over upstream: UpstreamConnection?) async {
        guard let upstream = await connected(upstream, scheme) else { return client.stream.close() }
        await TCPExchange(client: client, upstream: upstream).run()
    }

    private func connected(_ upstream: UpstreamConnection?, _ scheme: String) async -> UpstreamConnection? {
        if let upstream { return upstream }
        let destination = UpstreamConnection.Destination(scheme: scheme, host: host, port: port)
        do {
            return try await UpstreamConnector(client: client).connect(to: destination)
        } catch {
            services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
            return nil
        }
    }

    /// Looks at the first bytes of either side; nil when the client leaves without a word.
    func guess(_ upstream: UpstreamConnection?) async -> LayerGuess? {
        let stream = client.stream
        let server = upstream?.stream
        loop.start {
            if let server, await server.readMore() { stream.stopReading() }
        }
        defer { server?.stopReading() }
        while true {
            if let guess = LayerGuess(clientBytes: stream.unread.readableBytesView) { return guess }
            let serverHasSpoken = { (server?.unread.readableBytes ?? 0) > 0 }
            if serverHasSpoken() { return .tcp }
            guard await stream.readMore() || serverHasSpoken() else {
                return stream.unread.readableBytes > 0 ? .tcp : nil
            }
        }
    }

    // MARK: TLS

    private func carryTLS(_ upstream: UpstreamConnection?) async {
        let isAccepted = await acceptTLS { hello in
            if let name = hello.serverName { client.serverNames[destination] = name }
            guard let upstream else { return [] }
            return await startTLS(upstream, hello)
        }
        guard isAccepted else { return client.stream.close() }
        await carryInside(upstream)
    }

    /// Speaks TLS with the client.
    ///
    /// - Parameter lookUp: the server's certificates, to make ours like the first; asked for when it is known what the
    ///   client wants.
    /// - Returns: whether the handshake came to its end.
    func acceptTLS(_ lookUp: (ClientHello) async -> [PeerCertificate]) async -> Bool {
        let stream = client.stream
        do {
            let handler = try TLSHandler.server(
                on: loop.eventLoop,
                alreadyRead: stream.unread,
                handshakeTimeout: Limits.tlsHandshake
            )
            try stream.insert(handler)
            let hello = try await handler.clientHello.get()
            client.info.tls = ConnectionInfo.TLS(alpnOffers: hello.alpnProtocols, serverName: hello.serverName)
            let settings = try settings(hello, await lookUp(hello))
            handler.accept(settings)
            client.info.take(try await handler.handshake.get())
            client.info.tls?.mitmCertificate = settings.leaf.pem
            return true
        } catch {
            client.info.error = "TLS with the client failed: \(error)"
            services.log.warn(
                "TLS with client \(client.info.peername?.description ?? "") for \(host) failed: \(error)"
            )
            return false
        }
    }

    private var destination: UpstreamConnection.Destination { .init(scheme: "https", host: host, port: port) }

    /// Speaks TLS with the server as the client does with us. A failure is kept for the first request to be told.
    ///
    /// - Returns: the server's certificates.
    private func startTLS(_ upstream: UpstreamConnection, _ hello: ClientHello) async -> [PeerCertificate] {
        do {
            let name = hello.serverName ?? host
            return try await UpstreamConnector(client: client).startTLS(on: upstream, serverName: name).peerCertificates
        } catch {
            client.upstreams.put(error, of: destination)
            return []
        }
    }

    private func settings(_ hello: ClientHello, _ upstream: [PeerCertificate]) throws -> TLSServerSettings {
        let options = services.options.current
        let request = LeafRequest(
            serverName: hello.serverName,
            connectHost: host,
            upstream: options.upstreamCert ? upstream.first : nil
        )
        var settings = TLSServerSettings(
            leaf: try services.material.certificates.leaf(for: request) ?? services.authority.leaf(for: request),
            alpnProtocols: ["http/1.1"],
            minimumVersion: MinimumTLSVersion(options.tlsVersionClientMin),
            keyLog: services.keyLog
        )
        settings.extraChain = options.addUpstreamCertsToClientChain ? upstream : []
        settings.requestsClientCertificate = options.requestClientCert
        settings.ciphers = options.ciphersClient
        return settings
    }

    /// What the client's TLS holds: HTTP, or bytes that go to the server as they are, under its own TLS.
    private func carryInside(_ upstream: UpstreamConnection?) async {
        if let upstream, !upstream.stream.isOpen { return await serve("https", over: nil) }
        switch await guess(upstream) {
        case .http1: await serve("https", over: upstream)
        case .tls, .tcp: await relay("https", over: upstream)
        case nil: return
        }
    }
}
