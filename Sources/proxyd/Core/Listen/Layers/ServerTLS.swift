import ProxyCodecs
import ProxyTLS

/// TLS with the server, for a client that speaks TLS with us. A failure is kept for the first request to be told.
struct ServerTLS {
    let layers: LayerStack
    let hello: ClientHello

    private var client: Client { layers.client }
    private var connector: UpstreamConnector { UpstreamConnector(client: client) }

    /// The server at the end of a tunnel will be called as the client calls it; and where a client says nothing in ALPN, its
    /// server is offered nothing.
    func takeNames() {
        if case .proxy = layers.way { return }
        if case .tunnel = layers.way, let name = hello.serverName { client.serverNames[destination] = name }
        if hello.alpnProtocols.isEmpty { client.withoutALPN.insert(destination) }
    }

    /// Speaks TLS on the connection to the server, or on a new one.
    ///
    /// - Returns: the connection as it is now, to be used by whatever the client's TLS holds; nil: it will need a new one.
    func start(_ upstream: UpstreamConnection?) async -> UpstreamConnection? {
        switch layers.way {
        case .proxy:
            return upstream
        case .reverse(let target):
            guard target.usesTLS else { return upstream }
        case .tunnel:
            break
        }
        guard let upstream else {
            return client.isProxyItself(host: layers.host, port: layers.port) ? nil : await connected()
        }
        return await speak(over: upstream)
    }

    /// What the server may choose from: what the client offers, or once it has been answered, what it was given.
    private var alpn: [String] {
        let given = client.info.tls.flatMap { tls in tls.isEstablished ? tls.alpn.map { [$0] } ?? [] : nil }
        return ALPN.offers(for: given ?? hello.alpnProtocols, http2: layers.loop.options.http2)
    }

    private var destination: Destination {
        if case .reverse(let target) = layers.way { return target.destination }
        return .init(scheme: "https", host: layers.host, port: layers.port)
    }

    private func connected() async -> UpstreamConnection? {
        do {
            return try await connector.connect(to: destination, alpn: alpn)
        } catch {
            client.upstreams.put(error, of: destination)
            return nil
        }
    }

    private func speak(over upstream: UpstreamConnection) async -> UpstreamConnection? {
        if upstream.hasTLSAhead {
            upstream.hasTLSAhead = false
            guard isOutdated(upstream) else { return upstream }
            upstream.end()
            return await connected()
        }
        var name: String?
        switch layers.way {
        case .reverse where upstream.info.tls?.isEstablished ?? true: return upstream
        case .reverse, .proxy: break
        case .tunnel: name = hello.serverName ?? layers.host
        }
        do {
            try await connector.startTLS(on: upstream, serverName: name, alpn: alpn)
            return upstream
        } catch {
            client.upstreams.put(error, of: destination)
            return nil
        }
    }

    /// Whether the server of a reverse proxy has to be asked anew: it was offered nothing while the client was silent.
    private func isOutdated(_ upstream: UpstreamConnection) -> Bool {
        guard case .reverse = layers.way else { return false }
        return !alpn.isEmpty && upstream.info.plannedALPN == nil
    }
}
