import AddonProtocol
import NIOCore
import ProxyCodecs

/// The state of one client connection, and what is done on its behalf. Confined to its loop.
final class Client: ServedClient, @unchecked Sendable {
    let services: Services
    let loop: FlowLoop
    let stream: ByteStream
    let mode: ProxyMode
    /// Recognises requests that are meant for the proxy itself.
    let proxyItself: ProxyItself
    let info: ConnectionInfo
    let upstreams = UpstreamPool()
    let interruption = Interruption()
    let limits: HeadLimits
    /// Whether an exchange is active. If not, a daemon that stops may close the connection at once.
    var isBusy = false
    /// Where an addon sends everything on this connection, whatever its original destination.
    var serverAddress: ConnectionInfo.Address? { info.usualRoute?.address }
    /// The server connection as shown to addons before it is made.
    private var plannedServer: ConnectionInfo?
    /// The layers that the connection has been found to carry so far, outermost first.
    var layers: [Layer] = []
    /// The server names (SNI) of the client's TLS, where they differ from the destination's host.
    var serverNames: [Destination: String] = [:]
    /// Whether HTTP/2 is used with servers without TLS, because the client uses it itself or the mode says so.
    var usesH2C = false
    /// Destinations for which the client's TLS had no ALPN, so that none is offered to the server either.
    var withoutALPN: Set<Destination> = []
    /// The credentials that the client has proven, once for the whole connection.
    var credentials: BasicCredentials?
    /// The proxies that the client's CONNECT has passed, including this one, with the option `via`.
    var via: [[UInt8]] = []
    /// Called when the daemon stops. Whoever sets it closes the connection after its last exchange.
    var onStop: (() -> Void)?
    /// Whether there is no client, because the daemon sends a request for an addon.
    let isOurOwn: Bool
    private var isStopping = false

    init(services: Services, loop: FlowLoop, stream: ByteStream, mode: ProxyMode, isOurOwn: Bool = false) {
        self.services = services
        self.loop = loop
        self.stream = stream
        self.mode = mode
        self.isOurOwn = isOurOwn
        let options = loop.options
        limits = HeadLimits(bytes: options.headSizeLimit, fields: options.headFieldsLimit)
        info = ConnectionInfo(id: loop.makeID(), side: .client(mode: mode.text), number: loop.nextClientNumber())
        info.peername = stream.transport.remoteAddress.map(ConnectionInfo.Address.init)
        info.sockname = stream.transport.localAddress.map(ConnectionInfo.Address.init)
        info.timestampStart = secondsSinceEpoch()
        info.usualRoute = Route(address: nil, via: mode.upstreamProxy)
        proxyItself = ProxyItself(mode, at: info.sockname)
    }

    /// A client's state in one of several tunnels of its connection, as if the tunnel were a connection of its own.
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

    // MARK: Lifecycle

    /// Registers the client, for which a stopping daemon waits.
    func begin() {
        loop.clients.add(self)
    }

    /// Interrupts waits on the client's behalf once it has ended its output.
    func watchInput() {
        stream.onInputEnd = { self.inputEnded() }
    }

    /// Closes the connection, and those to servers with it.
    func close() {
        stream.close()
        upstreams.end()
    }

    /// Ends the client's state; nothing follows.
    func end() {
        loop.clients.remove(self)
    }

    /// Logs a malformed request.
    func logMalformed(_ flow: HTTPFlow, _ error: HTTP1Error) {
        services.log.info(
            "malformed request from \(info.peername?.description ?? "a client"): \(error) (\(flow.logged))",
            flow: flow.id
        )
    }

    /// The connection to a server as addons see it before it is made.
    func plannedServer(to address: ConnectionInfo.Address, via proxy: UpstreamProxy?) -> ConnectionInfo {
        if let plannedServer, plannedServer.address == address, plannedServer.via == proxy { return plannedServer }
        let planned = ConnectionInfo(id: loop.makeID(), side: .server, number: info.number)
        planned.address = address
        planned.via = proxy
        plannedServer = planned
        return planned
    }

    /// The same for the caller that makes it. The next connection will be a new one.
    func takePlannedServer(to address: ConnectionInfo.Address, via proxy: UpstreamProxy?) -> ConnectionInfo {
        defer { plannedServer = nil }
        return plannedServer(to: address, via: proxy)
    }

    /// A client that ends its output has most likely left, so waits on its behalf are interrupted. This happens with a
    /// delay, since some clients half-close after the last request and still read (`nc -N`, `socat`).
    private func inputEnded() {
        guard stream.isOpen, case .ended = stream.input else { return leave() }
        loop.eventLoop.assumeIsolated().scheduleTask(in: Limits.halfClosed) { self.leave() }
    }

    private func leave() {
        interruption.interrupt(FlowError(.clientDisconnected, "client disconnected"))
    }

    /// Closes so that the last response arrives. Input is read for a while, since closing with unread input would make
    /// the kernel reset the connection and lose data in flight.
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

    /// Closes the connection after its active exchange, or at once if there is none.
    func stop() {
        assertOnLoop(loop.eventLoop)
        isStopping = true
        if let onStop { onStop() } else if !isBusy { stream.close() }
    }

    /// Aborts whatever is still running.
    func cut() {
        assertOnLoop(loop.eventLoop)
        interruption.interrupt(FlowError(.shutdown, "the proxy is stopping"))
        // Whoever closes the connection when the daemon stops also does so after an abort, once the last frames are
        // sent.
        if onStop == nil { stream.close() }
    }

    /// Whether the client may send another request on this connection.
    var mayContinue: Bool { !isStopping && stream.inputIsOpen }
}
