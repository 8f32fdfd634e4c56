import ProxyTLS

/// TLS with the server, for a client that speaks TLS with us. A failure is kept for the first request to be told.
struct ServerTLS {
    let layers: LayerStack
    let hello: ClientHello

    private var client: ClientConnection { layers.client }
    private var connector: UpstreamConnector { UpstreamConnector(client: client) }

    /// The server at the end of a tunnel will be called as the client calls it.
    func takeName() {
        guard case .tunnel = layers.way, let name = hello.serverName else { return }
        client.serverNames[tunnelEnd] = name
    }

    /// Speaks TLS on the connection to the server, or on a new one.
    ///
    /// - Returns: the connection as it is now, to be used by whatever the client's TLS holds; nil: it will need a new one.
    func start(_ upstream: UpstreamConnection?) async -> UpstreamConnection? {
        switch layers.way {
        case .proxy:
            return upstream
        case .reverse(let target):
            guard upstream == nil, target.usesTLS else { return upstream }
            return await connected(to: target.destination)
        case .tunnel:
            guard let upstream else { return await connected(to: tunnelEnd) }
            return await speak(over: upstream)
        }
    }

    /// What the server may choose from: HTTP/2 only for a client that speaks HTTP, since it could carry nothing else.
    private var alpn: [String] {
        let isHTTP = hello.alpnProtocols.contains { $0 == ALPN.http1 || $0 == ALPN.http2 }
        return ALPN.offers(http2: layers.services.options.current.http2 && isHTTP)
    }

    private var tunnelEnd: UpstreamConnection.Destination {
        .init(scheme: "https", host: layers.host, port: layers.port)
    }

    private func connected(to destination: UpstreamConnection.Destination) async -> UpstreamConnection? {
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
            return upstream
        }
        do {
            try await connector.startTLS(on: upstream, serverName: hello.serverName ?? layers.host, alpn: alpn)
            return upstream
        } catch {
            client.upstreams.put(error, of: tunnelEnd)
            return nil
        }
    }
}
