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
    /// - Parameter upstream: an open connection to the other end, on which nothing has been said.
    func run(over upstream: UpstreamConnection) async {
        switch await guess(upstream) {
        case .tls:
            await carryTLS(upstream)
        case .http1:
            await serve("http", over: upstream)
        case .tcp:
            await relay(upstream)
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

    private func relay(_ upstream: UpstreamConnection) async {
        loop.counters.tunnels += 1
        await Relay(client: client.stream, server: upstream.stream).run()
    }

    /// Looks at the first bytes of either side; nil when the client leaves without a word.
    private func guess(_ upstream: UpstreamConnection) async -> LayerGuess? {
        let stream = client.stream
        loop.start {
            if await upstream.stream.readMore() { stream.stopReading() }
        }
        defer { upstream.stream.stopReading() }
        while true {
            if let guess = LayerGuess(clientBytes: stream.unread.readableBytesView) { return guess }
            if upstream.stream.unread.readableBytes > 0 { return .tcp }
            guard await stream.readMore() || upstream.stream.unread.readableBytes > 0 else {
                return stream.unread.readableBytes > 0 ? .tcp : nil
            }
        }
    }

    // MARK: TLS

    private func carryTLS(_ upstream: UpstreamConnection) async {
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
            let certificate = await startTLS(upstream, hello)
            let leaf = try services.authority.leaf(
                for: LeafRequest(serverName: hello.serverName, connectHost: host, upstream: certificate)
            )
            handler.accept(settings(leaf))
            client.info.take(try await handler.handshake.get())
            client.info.tls?.mitmCertificate = leaf.pem
        } catch {
            client.info.error = "TLS with the client failed: \(error)"
            services.log.warn(
                "TLS with client \(client.info.peername?.description ?? "") for \(host) failed: \(error)"
            )
            return stream.close()
        }
        await carryInside(upstream)
    }

    /// Speaks TLS with the server as the client does with us. A failure is kept for the first request to be told.
    ///
    /// - Returns: the server's certificate, to make ours like it.
    private func startTLS(_ upstream: UpstreamConnection, _ hello: ClientHello) async -> PeerCertificate? {
        do {
            let session = try await UpstreamConnector(client: client).startTLS(
                on: upstream,
                serverName: hello.serverName ?? host
            )
            return services.options.current.upstreamCert ? session.peerCertificates.first : nil
        } catch {
            let named = UpstreamConnection.Destination(
                scheme: "https",
                host: host,
                port: port
            )
            client.upstreams.put(error, of: named)
            return nil
        }
    }

    private func settings(_ leaf: LeafCertificate) -> TLSServerSettings {
        TLSServerSettings(
            leaf: leaf,
            alpnProtocols: ["http/1.1"],
            minimumVersion: MinimumTLSVersion(services.options.current.tlsVersionClientMin),
            keyLog: services.keyLog
        )
    }

    /// What the client's TLS holds: HTTP, or bytes that go to the server as they are, under its own TLS.
    private func carryInside(_ upstream: UpstreamConnection) async {
        guard upstream.stream.isOpen else { return await serve("https", over: nil) }
        switch await guess(upstream) {
        case .http1: await serve("https", over: upstream)
        case .tls, .tcp: await relay(upstream)
        case nil: return
        }
    }
}
