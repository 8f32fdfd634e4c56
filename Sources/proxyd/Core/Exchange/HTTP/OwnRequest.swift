import AddonProtocol
import ProxyCodecs

/// A request that no client sent: a replay, or one that an addon asked for. It is an exchange like any other, with all
/// its events; its response goes nowhere but to the addons.
struct OwnRequest: Sendable {
    let flow: HTTPFlow
    let services: Services
    let loop: FlowLoop
    /// Whether its server is spoken to in HTTP/2 where there is no TLS.
    let usesH2C: Bool
    let mode: ProxyMode

    func run() async {
        loop.ownRequests += 1
        defer { loop.ownRequests -= 1 }
        // Whoever asked for it hears of the flow before its first event.
        await loop.nextTurn()
        let client = Client(
            services: services,
            loop: loop,
            stream: .discarding(on: loop.eventLoop),
            mode: mode,
            isOurOwn: true
        )
        client.usesH2C = usesH2C
        await exchange(for: client)
    }

    /// The connection is there for the sake of this request alone.
    private func exchange(for client: Client) async {
        client.begin()
        client.isBusy = true
        let body = flow.request.body
        let side = HTTP1ClientSide(client: client, flow: flow, framing: .none, keepsAlive: false)
        let exchange = HTTPExchange(client: client, side, flow)
        flow.request.body = body
        await exchange.run()
        client.close()
        client.end()
    }
}

extension HTTPFlow {
    /// Whether the server answered in HTTP/2 without TLS, so that a replay is sent alike.
    var spokeH2C: Bool { request.scheme == "http" && response?.origin == .server && response?.version == .http2 }

    /// - Parameters:
    ///   - replay: nil for a request that the addon made up.
    ///   - mode: that by which servers are reached.
    convenience init(
        ownRequest request: HTTPRequest,
        _ replay: FlowReplay?,
        of addon: String,
        _ mode: ProxyMode = .regular,
        on loop: LoopContext
    ) {
        var request = request
        request.timestampStart = secondsSinceEpoch()
        request.timestampEnd = nil
        let number = loop.nextClientNumber()
        let nobody = ConnectionInfo(id: loop.makeID(), side: .client(mode: "regular"), number: number)
        nobody.usualRoute = Route(address: nil, via: mode.upstreamProxy)
        self.init(id: loop.makeID(), clientConnection: nobody, request: request)
        self.replay = replay
        madeBy = addon
    }
}

extension HTTPRequest {
    /// What an addon's own request begins as.
    static var blank: HTTPRequest {
        HTTPRequest(
            method: "GET",
            scheme: "http",
            host: "",
            port: 80,
            path: [UInt8(ascii: "/")],
            authority: [],
            version: .http11,
            headers: HeaderFields(),
            body: .empty,
            timestampStart: 0
        )
    }
}
