import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// Determines what a connection carries, layer by layer: TLS, which is decrypted, then HTTP or raw bytes.
struct LayerStack {
    /// Where the connection leads.
    enum Way {
        /// To the server at `host` and `port`, which is spoken to in the client's protocol.
        case tunnel
        /// To the server behind a reverse proxy.
        case reverse(ReverseTarget)
        /// To the proxy itself, at `host` and `port`; each request names its destination.
        case proxy
    }

    let client: Client
    let host: String
    let port: Int
    var way = Way.tunnel

    var loop: FlowLoop { client.loop }
    var services: Services { client.services }

    /// Whether the client's TLS, if any, has been decrypted.
    private enum Depth {
        case outside
        case insideTLS
    }

    /// Serves the connection until it has ended.
    ///
    /// - Parameters:
    /// - upstream: an open, unused connection to the destination; nil when it is made once there is something to send.
    /// - first: the outermost layer, if it is already known.
    func run(over upstream: UpstreamConnection?, first: Layer? = nil) async {
        if let first { return await carry(first, over: upstream, .outside) }
        if heedsHosts, loop.options.ignoreHosts.match(anyOf: hostNames(upstream, .outside)) {
            return await relay(over: upstream, .outside, isSeen: false)
        }
        await carryNext(over: upstream, .outside)
    }

    // MARK: Identifying the protocol

    /// Whether the options for hosts apply. They must not bypass a login, which only HTTP asks for.
    private var heedsHosts: Bool {
        switch way {
        case .tunnel: !client.isProxyItself(host: host, port: port)
        case .reverse: loop.options.proxyauth == nil
        case .proxy: false
        }
    }

    /// Whether the bytes have a known destination.
    var hasDestination: Bool {
        if case .proxy = way { client.serverAddress != nil } else { true }
    }

    /// The server connection as addons see it, as it is or as it would be made; nil when the destination is unknown.
    func serverInfo(_ upstream: UpstreamConnection?) -> ConnectionInfo? {
        if let upstream { return upstream.info }
        guard hasDestination else { return nil }
        let address = client.serverAddress ?? .init(host: host, port: port)
        return client.plannedServer(to: address, via: client.mode.upstreamProxy)
    }

    private func carryNext(over upstream: UpstreamConnection?, _ depth: Depth) async {
        // The server of a shared HTTP/2 connection speaks first, but not to this client.
        guard let guess = await guess(upstream?.isShared == true ? nil : upstream) else { return }
        if heedsHosts, depth == .outside, await isIgnored(upstream, guess) {
            return await relay(over: upstream, depth, isSeen: false)
        }
        let event = NextLayerEvent(
            layer(guess, depth, upstream),
            client: client,
            server: upstream,
            serverInfo: { self.serverInfo(upstream) },
            hasDestination: hasDestination
        )
        do {
            try await loop.dispatcher.ask(.nextLayer, event, on: loop, client.interruption)
        } catch {
            return client.stream.close()
        }
        await carry(event.layer, over: upstream, depth)
    }

    /// Whether the options exclude the connection from interception. For TLS, the SNI counts, too.
    private func isIgnored(_ upstream: UpstreamConnection?, _ guess: LayerGuess) async -> Bool {
        let options = loop.options
        guard !options.ignoreHosts.isEmpty || !options.allowHosts.isEmpty else { return false }
        var names = hostNames(upstream, .outside)
        if guess == .tls, let name = await clientHello()?.serverName { names.append("\(name):\(port)") }
        return options.values.ignores(names)
    }

    /// `HOST:PORT` of the destination: as requested, as connected, and with the server name of TLS.
    private func hostNames(_ upstream: UpstreamConnection?, _ depth: Depth) -> [String] {
        var names = ["\(host):\(port)"]
        if let address = upstream?.info.address { names.append("\(address.host):\(address.port)") }
        if depth == .insideTLS, let name = client.info.tls?.serverName { names.append("\(name):\(port)") }
        return names
    }

    /// The daemon's own choice of a layer.
    private func layer(_ guess: LayerGuess, _ depth: Depth, _ upstream: UpstreamConnection?) -> Layer {
        if guess == .tls, depth == .outside { return .tls }
        let isTCP = heedsHosts && loop.options.tcpHosts.match(anyOf: hostNames(upstream, depth))
        let http: Layer = guess == .http2 ? .http2 : .http1
        switch way {
        case .proxy: return http
        case .reverse(let target):
            let isOther = agreedOnOther(depth) && !guess.isHTTP
            return target.speaksHTTP && !isTCP && !isOther ? http : .tcp
        case .tunnel: return guess.isHTTP && !isTCP ? http : .tcp
        }
    }

    /// Whether client and server have negotiated a protocol other than HTTP.
    private func agreedOnOther(_ depth: Depth) -> Bool {
        depth == .insideTLS && client.info.tls?.alpn.map { !ALPN.isHTTP($0) } ?? false
    }

    /// Peeks at the first bytes of both sides; nil when the client leaves without sending any.
    private func guess(_ upstream: UpstreamConnection?) async -> LayerGuess? {
        let stream = client.stream
        upstream?.stream.listen { stream.stopReading() }
        defer {
            upstream?.stream.stopListening()
            stream.noteHead(isComing: false)
        }
        while true {
            if let guess = LayerGuess(clientBytes: stream.unread.readableBytesView) { return guess }
            if LayerGuess(serverBytes: upstream?.unreadBytes) == .tcp { return .tcp }
            stream.noteHead(isComing: stream.unread.readableBytes > 0)
            let hasMore = await stream.readMore()
            guard !stream.headIsLate else { return nil }
            guard hasMore || stream.inputIsOpen else {
                return stream.unread.readableBytes > 0 ? .tcp : nil
            }
        }
    }

    // MARK: Carrying layers

    private func carry(_ layer: Layer, over upstream: UpstreamConnection?, _ depth: Depth) async {
        switch layer {
        case .tls: await carryTLS(over: upstream, depth)
        case .http1, .http2: await serve(layer, over: upstream, depth)
        case .tcp: await relay(over: upstream, depth, isSeen: true)
        case .passthrough: await relay(over: upstream, depth, isSeen: false)
        case .close, .websocket: client.stream.close()
        }
    }

    private func carryTLS(over upstream: UpstreamConnection?, _ depth: Depth) async {
        var upstream = upstream
        if upstream == nil, depth == .insideTLS, case .tunnel = way {
            upstream = await connected(nil, depth, isClientsTLS: false)
            guard upstream != nil else { return client.stream.close() }
        }
        switch await acceptTLS(upstream) {
        case .accepted(let upstream):
            client.layers.append(.tls)
            await carryNext(over: upstream, .insideTLS)
        case .ignored:
            await relay(over: upstream, depth, isSeen: false)
        case .failed:
            client.stream.close()
        }
    }

    private func serve(_ layer: Layer, over upstream: UpstreamConnection?, _ depth: Depth) async {
        client.layers.append(layer)
        client.isBusy = false
        switch way {
        case .proxy:
            await serve(layer, way: .proxy)
        case .reverse(let target):
            client.usesH2C = target.scheme == .h2c
            keep(upstream, for: target.destination)
            await serve(layer, way: .reverse(target.destination))
        case .tunnel:
            let isTLS = depth == .insideTLS
            client.usesH2C = layer == .http2 && !isTLS && loop.options.http2
            let destination = Destination(
                scheme: isTLS ? "https" : "http",
                host: host,
                port: port,
                speaksH2C: client.usesH2C
            )
            keep(upstream, for: destination)
            await serve(layer, way: .tunnel(destination))
        }
    }

    private func serve(_ layer: Layer, way: HTTP1Server.Way) async {
        if layer == .http2 {
            await HTTP2Server(client: client, way: way).serve()
        } else {
            await HTTP1Server(client: client, way: way).serve()
        }
    }

    /// Keeps the connection for the first request to its destination.
    private func keep(_ upstream: UpstreamConnection?, for destination: Destination) {
        guard let upstream else { return }
        upstream.destination = destination
        client.upstreams.put(upstream)
    }

    // MARK: Bytes

    /// Relays bytes, through the addons or unseen.
    private func relay(over upstream: UpstreamConnection?, _ depth: Depth, isSeen: Bool) async {
        client.isBusy = true
        defer { client.isBusy = false }
        let isTLS = LayerGuess(clientBytes: client.stream.unread.readableBytesView) == .tls
        let isClientsTLS = isTLS && !isSeen && depth == .outside
        guard let upstream = await connected(upstream, depth, isClientsTLS: isClientsTLS) else {
            return client.stream.close()
        }
        guard !isSeen else {
            return await TCPExchange(client: client, server: upstream.stream, info: upstream.info).run()
        }
        // A client that half-closes its connection may still read.
        client.stream.onInputEnd = nil
        loop.counters.tunnels += 1
        await Relay(client: client.stream, server: upstream.stream).run()
    }

    /// A server connection that has TLS if the bytes need it.
    ///
    /// - Parameter isClientsTLS: whether the client's own TLS is passed through to the server.
    private func connected(
        _ upstream: UpstreamConnection?,
        _ depth: Depth,
        isClientsTLS: Bool
    ) async -> UpstreamConnection? {
        let scheme = usesTLS(depth) && !isClientsTLS ? "https" : ""
        let server = destination
        let alpn = depth == .insideTLS ? [client.info.tls?.alpn].compactMap { $0 } : []
        let connector = UpstreamConnector(client: client)
        do {
            if let upstream {
                let isOtherTLS = isClientsTLS && upstream.info.tls != nil
                guard isOtherTLS || upstream.isShared && !clientSpeaksHTTP2 else {
                    if upstream.info.tls?.isEstablished == false {
                        try await connector.startTLS(on: upstream, alpn: alpn)
                    }
                    return upstream
                }
                upstream.end()
            }
            return try await connector.connect(
                to: .init(scheme: scheme, host: server.host, port: server.port),
                alpn: alpn
            )
        } catch {
            services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
            return nil
        }
    }

    private var clientSpeaksHTTP2: Bool { client.info.tls?.alpn == ALPN.http2 }

    private func usesTLS(_ depth: Depth) -> Bool {
        switch way {
        case .tunnel: depth == .insideTLS
        case .reverse(let target): target.usesTLS
        case .proxy: false
        }
    }

    /// Where raw bytes go.
    private var destination: ConnectionInfo.Address {
        if case .proxy = way, let address = client.serverAddress { return address }
        return .init(host: host, port: port)
    }
}
