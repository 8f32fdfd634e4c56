import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// What a connection carries, layer upon layer: TLS, whose content is seen, HTTP, or bytes as they are.
struct LayerStack {
    /// Where the connection leads.
    enum Way {
        /// To the server at `host` and `port`, which is spoken to as the client speaks.
        case tunnel
        /// To the one server behind a reverse proxy.
        case reverse(ReverseTarget)
        /// To the proxy itself, at `host` and `port`: each request says where it goes.
        case proxy
    }

    let client: Client
    let host: String
    let port: Int
    var way = Way.tunnel

    var loop: FlowLoop { client.loop }
    var services: Services { client.services }

    /// How far the client is into the stack.
    private enum Depth {
        case outside
        case insideTLS
    }

    /// Serves what comes through, until it has ended.
    ///
    /// - Parameters:
    ///   - upstream: an open connection to the other end, on which nothing has been said; nil: it is made when there is
    ///     something to send.
    ///   - first: the outermost layer, where it need not be found out.
    func run(over upstream: UpstreamConnection?, first: Layer? = nil) async {
        if let first { return await carry(first, over: upstream, .outside) }
        if heedsHosts, loop.options.ignoreHosts.match(anyOf: hostNames(upstream, .outside)) {
            return await relay(over: upstream, .outside, isSeen: false)
        }
        await carryNext(over: upstream, .outside)
    }

    // MARK: What it is

    /// Whether the options for hosts count: not where they would lead past a login, which is asked for in HTTP only.
    private var heedsHosts: Bool {
        switch way {
        case .tunnel: !client.isProxyItself(host: host, port: port)
        case .reverse: loop.options.proxyauth == nil
        case .proxy: false
        }
    }

    /// Whether it is known where bytes go.
    var hasDestination: Bool {
        if case .proxy = way { client.serverAddress != nil } else { true }
    }

    /// The connection to the server as addons are shown it: as it is, or as it would be made; nil when it is not known where
    /// to.
    func serverInfo(_ upstream: UpstreamConnection?) -> ConnectionInfo? {
        if let upstream { return upstream.info }
        guard hasDestination else { return nil }
        let address = client.serverAddress ?? .init(host: host, port: port)
        return client.plannedServer(to: address, via: client.mode.upstreamProxy)
    }

    private func carryNext(over upstream: UpstreamConnection?, _ depth: Depth) async {
        // A server of HTTP/2 speaks first, but not to this client.
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

    /// Whether nobody wants to see the connection. Of TLS it depends on the name that the client asks for, too.
    private func isIgnored(_ upstream: UpstreamConnection?, _ guess: LayerGuess) async -> Bool {
        let options = loop.options
        guard !options.ignoreHosts.isEmpty || !options.allowHosts.isEmpty else { return false }
        var names = hostNames(upstream, .outside)
        if guess == .tls, let name = await clientHello()?.serverName { names.append("\(name):\(port)") }
        return options.values.ignores(names)
    }

    /// `HOST:PORT` of the destination, as it was asked for, as it was reached, and as the client calls it in TLS.
    private func hostNames(_ upstream: UpstreamConnection?, _ depth: Depth) -> [String] {
        var names = ["\(host):\(port)"]
        if let address = upstream?.info.address { names.append("\(address.host):\(address.port)") }
        if depth == .insideTLS, let name = client.info.tls?.serverName { names.append("\(name):\(port)") }
        return names
    }

    /// The daemon's choice.
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

    /// Whether client and server have agreed on a protocol that is no HTTP.
    private func agreedOnOther(_ depth: Depth) -> Bool {
        depth == .insideTLS && client.info.tls?.alpn.map { !ALPN.isHTTP($0) } ?? false
    }

    /// Looks at the first bytes of either side; nil when the client leaves without a word.
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

    // MARK: What comes of it

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

    /// The first request to its destination goes over this connection.
    private func keep(_ upstream: UpstreamConnection?, for destination: Destination) {
        guard let upstream else { return }
        upstream.destination = destination
        client.upstreams.put(upstream)
    }

    // MARK: Bytes

    /// Passes bytes on, past the addons or unseen.
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
        // A client that sends no more may still want to hear.
        client.stream.onInputEnd = nil
        loop.counters.tunnels += 1
        await Relay(client: client.stream, server: upstream.stream).run()
    }

    /// A connection to the server that has TLS where the bytes are to have it.
    ///
    /// - Parameter isClientsTLS: whether the client's own TLS is to reach the server.
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

    /// Where bytes go.
    private var destination: ConnectionInfo.Address {
        if case .proxy = way, let address = client.serverAddress { return address }
        return .init(host: host, port: port)
    }
}
