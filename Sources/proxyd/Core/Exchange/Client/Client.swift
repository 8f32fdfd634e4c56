import AddonProtocol
import NIOCore
import ProxyCodecs

/// What is known of one client's connection, and done for its sake; confined to its loop.
final class Client: ServedClient, @unchecked Sendable {
    let services: Services
    let loop: FlowLoop
    let stream: ByteStream
    let mode: ProxyMode
    /// What each request is compared with, since it may be for the proxy itself.
    let proxyItself: ProxyItself
    let info: ConnectionInfo
    let upstreams = UpstreamPool()
    let interruption = Interruption()
    let limits: HeadLimits
    /// Whether an exchange is under way; if none is, a daemon that stops may close at once.
    var isBusy = false
    /// Where an addon sends everything on this connection, wherever it was bound for.
    var serverAddress: ConnectionInfo.Address? { info.usualRoute?.address }
    /// The connection to the server as it was shown before it was made.
    private var plannedServer: ConnectionInfo?
    /// What the connection has been found to carry so far, the outermost first.
    var layers: [Layer] = []
    /// The names by which the client called servers in TLS, where they are not those of the destination.
    var serverNames: [Destination: String] = [:]
    /// Whether servers are spoken to in HTTP/2 where there is no TLS: the client does so itself, or the mode says so.
    var usesH2C = false
    /// Where the client speaks TLS without ALPN, so that the server is offered no protocol either.
    var withoutALPN: Set<Destination> = []
    /// Who the client has shown to be, once for the whole connection.
    var credentials: BasicCredentials?
    /// By which proxies the client's CONNECT has come, this one included, with the option `via`.
    var via: [[UInt8]] = []
    /// Called when the daemon stops, by whoever ends the connection then with its last exchange.
    var onStop: (() -> Void)?
    /// Whether there is no client: the daemon sends a request for an addon.
    let isOurOwn: Bool
    private var isStopping = false

    init(services: Services, loop: FlowLoop, stream: ByteStream, mode: ProxyMode, isOurOwn: Bool = false) {
        self.services = services
        self.loop = loop
        self.stream = stream
        self.mode = mode
        self.isOurOwn = isOurOwn
        let options = services.options.current
        limits = HeadLimits(bytes: options.headSizeLimit, fields: options.headFieldsLimit)
        info = ConnectionInfo(id: loop.makeID(), side: .client(mode: mode.text), number: loop.nextClientNumber())
        info.peername = stream.transport.remoteAddress.map(ConnectionInfo.Address.init)
        info.sockname = stream.transport.localAddress.map(ConnectionInfo.Address.init)
        info.timestampStart = secondsSinceEpoch()
        info.usualRoute = Route(address: nil, via: mode.upstreamProxy)
        proxyItself = ProxyItself(mode, at: info.sockname)
    }

    /// What a client has in one of several tunnels through its connection, as if it were a connection of its own.
    init(in tunnel: ByteStream, of outer: Client) {
        services = outer.services
        loop = outer.loop
        stream = tunnel
        mode = outer.mode
        proxyItself = outer.proxyItself
        limits = outer.limits
        info = ConnectionInfo(inTunnelOf: outer.info)
        layers = outer.layers
        credentials = outer.credentials
        isOurOwn = false
    }

    // MARK: Its life

    /// From here on the daemon, when it stops, waits for this client to end.
    func begin() {
        loop.clients.add(self)
    }

    /// Has what waits for the client's sake given up when it sends no more.
    func watchInput() {
        stream.onInputEnd = { self.inputEnded() }
    }

    /// Closes the connection, and with it those to servers.
    func close() {
        stream.close()
        upstreams.end()
    }

    /// The last that is heard of it.
    func end() {
        loop.clients.remove(self)
    }

    func logMalformed(_ flow: HTTPFlow, _ error: HTTP1Error) {
        services.log.info(
            "malformed request from \(info.peername?.description ?? "a client"): \(error) (\(flow.logged))",
            flow: flow.id
        )
    }

    /// The connection to a server as addons are shown it before it is made.
    func plannedServer(to address: ConnectionInfo.Address, via proxy: UpstreamProxy?) -> ConnectionInfo {
        if let plannedServer, plannedServer.address == address, plannedServer.via == proxy { return plannedServer }
        let planned = ConnectionInfo(id: loop.makeID(), side: .server, number: info.number)
        planned.address = address
        planned.via = proxy
        plannedServer = planned
        return planned
    }

    /// The same for whoever makes it: what comes after it is another connection.
    func takePlannedServer(to address: ConnectionInfo.Address, via proxy: UpstreamProxy?) -> ConnectionInfo {
        defer { plannedServer = nil }
        return plannedServer(to: address, via: proxy)
    }

    /// A client that sends no more has most likely left, so what waits for its sake is given up; a moment later only,
    /// since some close their sending side after the last request and still read (`nc -N`, `socat`).
    private func inputEnded() {
        guard stream.isOpen, case .ended = stream.input else { return leave() }
        loop.eventLoop.assumeIsolated().scheduleTask(in: Limits.halfClosed) { self.leave() }
    }

    private func leave() {
        interruption.interrupt(FlowError(.clientDisconnected, "client disconnected"))
    }

    /// Closes so that the last response arrives: what the client still sends is taken for a while, since a close with
    /// unread input would make the kernel reset the connection and lose what is on its way.
    func closeGracefully(requestIsRead: Bool) async {
        guard stream.isOpen else { return }
        await stream.finishOutput()
        guard !requestIsRead || stream.unread.readableBytes > 0 else { return }
        let stream = stream
        let deadline = loop.eventLoop.scheduleTask(in: Limits.lingering) { stream.close() }
        repeat { stream.unread.clear() } while await stream.readMore()
        deadline.cancel()
    }

    // MARK: Stopping

    /// Lets a running exchange end, and closes after it; at once when there is none.
    func stop() {
        assertOnLoop(loop.eventLoop)
        isStopping = true
        if let onStop { onStop() } else if !isBusy { stream.close() }
    }

    /// Cuts off whatever still runs.
    func cut() {
        assertOnLoop(loop.eventLoop)
        interruption.interrupt(FlowError(.shutdown, "the proxy is stopping"))
        // Who ends the connection when the daemon stops also ends it when cut off, after the last frames.
        if onStop == nil { stream.close() }
    }

    /// Whether the client may send another request on this connection.
    var mayContinue: Bool { !isStopping && stream.inputIsOpen }
}
