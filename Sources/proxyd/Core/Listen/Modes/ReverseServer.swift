/// A client of reverse mode: everything it sends goes to the one server, whatever it says itself.
struct ReverseServer {
    let client: ClientConnection
    let target: ReverseTarget

    /// - Parameter first: the outermost layer, where it need not be found out.
    func serve(first: Layer?) async {
        do throws(FlowError) {
            let layers = LayerStack(client: client, host: target.host, port: target.port, way: .reverse(target))
            await layers.run(over: try await connected(), first: first)
        } catch {
            client.services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
        }
    }

    /// A connection to a server that may speak first; nil when it is to be made when there is something to send.
    private func connected() async throws(FlowError) -> UpstreamConnection? {
        guard !target.speaksHTTP, client.services.options.current.connectionStrategy == .eager else { return nil }
        client.isBusy = true
        defer { client.isBusy = false }
        return try await UpstreamConnector(client: client).connect(
            to: .init(scheme: target.usesTLS ? "https" : "", host: target.host, port: target.port)
        )
    }
}
