import NIOCore

/// Serves a client in reverse mode: everything goes to one server.
struct ReverseServer {
    let client: Client
    let target: ReverseTarget

    /// - Parameter first: the outermost layer, if it is already known.
    func serve(first: Layer?) async {
        do throws(FlowError) {
            let layers = LayerStack(client: client, host: target.host, port: target.port, way: .reverse(target))
            await layers.run(over: try await connected(first), first: first)
        } catch {
            client.services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
        }
    }

    /// Connects to a server that may speak first; nil when the connection is made once there is something to send.
    private func connected(_ first: Layer?) async throws(FlowError) -> UpstreamConnection? {
        guard !target.speaksHTTP, client.loop.options.connectionStrategy == .eager else { return nil }
        client.isBusy = true
        defer { client.isBusy = false }
        let connector = UpstreamConnector(client: client)
        let upstream = try await connector.connectPlain(
            to: .init(scheme: target.usesTLS ? "https" : "", host: target.host, port: target.port),
            isTLS: target.usesTLS,
            alpn: []
        )
        guard upstream.info.tls != nil, await isSilent(first) else { return upstream }
        try await connector.startTLS(on: upstream, alpn: [])
        upstream.hasTLSAhead = true
        return upstream
    }

    /// Whether TLS with the server can start before the client has spoken. A client that speaks TLS determines the ALPN
    /// offer itself; one that stays silent for a moment may be waiting for the server.
    private func isSilent(_ first: Layer?) async -> Bool {
        let stream = client.stream
        guard first == nil || first == .tls else { return true }
        guard stream.unread.readableBytes == 0 else { return false }
        let moment = client.loop.eventLoop.scheduleTask(in: Limits.firstWord) { stream.stopReading() }
        defer { moment.cancel() }
        return await !stream.readMore()
    }
}
