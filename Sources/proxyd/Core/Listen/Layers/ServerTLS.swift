import ProxyCodecs
import ProxyTLS

/// TLS with the server, for a client that speaks TLS to the proxy. A failure is kept for the first request.
struct ServerTLS {
    let layers: LayerStack
    let hello: ClientHello

    private var client: Client { layers.client }
    private var connector: UpstreamConnector { UpstreamConnector(client: client) }

    /// Notes the names from the ClientHello: later connections to the tunnel's server use its SNI, and offer no ALPN if
    /// the client offered none.
    func takeNames() {
        if case .proxy = layers.way { return }
        if case .tunnel = layers.way, let name = hello.serverName { client.serverNames[destination] = name }
        if hello.alpnProtocols.isEmpty { client.withoutALPN.insert(destination) }
    }

    /// Speaks TLS on the server connection, or on a new one.
    ///
    /// - Returns: the connection for the content of the client's TLS; nil when a new one will be needed.
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

    /// What to offer to the server: the client's offer, or what the client was given if it has been answered.
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

    /// Whether the connection to a reverse server is outdated because it was made without ALPN while the client was
    /// silent.
    private func isOutdated(_ upstream: UpstreamConnection) -> Bool {
        guard case .reverse = layers.way else { return false }
        return !alpn.isEmpty && upstream.info.plannedALPN == nil
    }
}
