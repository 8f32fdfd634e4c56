import ProxyTLS

/// A client of reverse mode: everything it sends goes to the one server, whatever it says itself.
struct ReverseServer {
    let client: ClientConnection
    let target: ReverseTarget

    private var layers: LayerStack { LayerStack(client: client, host: target.host, port: target.port) }
    private var destination: UpstreamConnection.Destination { target.destination }

    func serve() async {
        switch target.scheme {
        case .http, .https: await serveRequests()
        case .tcp, .tls: await relayBytes()
        }
    }

    // MARK: HTTP

    private func serveRequests() async {
        guard let guess = await layers.guess(nil) else { return }
        if guess == .tls {
            guard await layers.acceptTLS({ await lookUp(layers.offers(for: $0)) }) else { return }
        }
        if guess == .http2 || client.info.tls?.alpn == ALPN.http2 {
            return await HTTP2Server(client: client, way: .reverse(destination)).serve()
        }
        await HTTP1Server(client: client, way: .reverse(destination)).serve()
    }

    /// The server's session, from a connection that its first request then uses.
    private func lookUp(_ alpn: [String]) async -> TLSSession? {
        guard target.usesTLS, client.services.options.current.connectionStrategy == .eager else {
            return nil
        }
        do throws(FlowError) {
            let upstream = try await UpstreamConnector(client: client).connectPlain(to: destination, isTLS: true)
            let session = try await UpstreamConnector(client: client).startTLS(on: upstream, alpn: alpn)
            client.upstreams.put(upstream)
            return session
        } catch {
            client.upstreams.put(error, of: destination)
            return nil
        }
    }

    // MARK: Bytes

    private func relayBytes() async {
        client.isBusy = true
        defer { client.isBusy = false }
        let isEager = client.services.options.current.connectionStrategy == .eager
        do throws(FlowError) {
            let upstream = isEager ? try await connect() : nil
            guard let guess = await layers.guess(upstream) else { return }
            if guess == .tls {
                guard await layers.acceptTLS({ _ in nil }) else { return }
            }
            await layers.relay(target.usesTLS ? "https" : "", over: upstream)
        } catch {
            client.services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
        }
    }

    private func connect() async throws(FlowError) -> UpstreamConnection {
        let scheme = target.usesTLS ? "https" : ""
        return try await UpstreamConnector(client: client).connect(
            to: .init(scheme: scheme, host: target.host, port: target.port)
        )
    }
}
