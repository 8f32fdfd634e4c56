import AddonProtocol
import NIOCore

/// Serves one client connection from accept to its last event, in straight-line code on the connection's loop.
struct ClientConnection {
    let client: Client

    private var loop: FlowLoop { client.loop }
    private var info: ConnectionInfo { client.info }

    /// Serves the client until the connection has ended. `clientdisconnect` is its last event.
    func run() async {
        client.begin()
        loop.counters.clientConnections += 1
        loop.watch(client.stream)
        client.watchInput()
        await serve()
        client.close()
        info.timestampEnd = secondsSinceEpoch()
        loop.dispatcher.notify(.clientdisconnect, ConnectionEvent(client: info, root: .init(client.mode.kind)))
        client.end()
    }

    private func serve() async {
        assertOnLoop(loop.eventLoop)
        let mode = client.mode
        let event = ConnectionEvent(client: info, root: .init(mode.kind))
        do {
            try await loop.dispatcher.ask(.clientconnect, event, on: loop, client.interruption)
        } catch {
            info.error = error.message
        }
        if let refusal = info.error {
            client.services.log.info("refused \(info.peername?.description ?? "a client"): \(refusal)")
            return
        }
        info.usualRoute = Route(address: event.serverAddress, via: mode.upstreamProxy)
        switch mode.kind {
        case .regular, .upstream: await proxyLayers.run(over: nil, first: event.firstLayer)
        case .reverse(let target): await ReverseServer(client: client, target: target).serve(first: event.firstLayer)
        case .transparent: await TransparentServer(client: client).serve(first: event.firstLayer)
        case .socks5:
            guard let first = event.firstLayer else { return await SOCKS5Server(client: client).serve() }
            await proxyLayers.run(over: nil, first: first)
        }
    }

    private var proxyLayers: LayerStack {
        LayerStack(client: client, host: info.sockname?.host ?? "", port: info.sockname?.port ?? 0, way: .proxy)
    }
}
