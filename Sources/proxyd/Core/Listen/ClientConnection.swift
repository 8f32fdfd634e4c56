import AddonProtocol
import NIOCore

/// One client's connection, from accept to its last event: straight-line code, pinned to the connection's loop.
final class ClientConnection: @unchecked Sendable {
    let services: Services
    let loop: LoopContext
    let stream: ByteStream
    let mode: ProxyMode
    let info: ConnectionInfo
    let upstreams = UpstreamPool()
    let interruption = Interruption()
    let limits: Limits
    /// Whether an exchange is under way; if none is, a daemon that stops may close at once.
    var isBusy = false
    /// Where an addon sends everything on this connection, wherever it was bound for.
    private(set) var serverAddress: ConnectionInfo.Address?
    /// The names by which the client called servers in TLS, where they are not those of the destination.
    var serverNames: [UpstreamConnection.Destination: String] = [:]
    /// Who the client has shown to be, once for the whole connection.
    var credentials: BasicCredentials?
    /// Called when the daemon stops, by whoever ends the connection then with its last exchange.
    var onStop: (() -> Void)?
    /// Whether there is no client: the daemon sends a request for an addon.
    private(set) var isOurOwn = false
    private var isStopping = false

    init(services: Services, loop: LoopContext, stream: ByteStream, mode: ProxyMode) {
        self.services = services
        self.loop = loop
        self.stream = stream
        self.mode = mode
        let options = services.options.current
        limits = Limits(headBytes: options.headSizeLimit, headFields: options.headFieldsLimit)
        info = ConnectionInfo(id: loop.makeID(), side: .client(mode: mode.text))
        info.peername = stream.channel.remoteAddress.map(ConnectionInfo.Address.init)
        info.sockname = stream.channel.localAddress.map(ConnectionInfo.Address.init)
        info.timestampStart = secondsSinceEpoch()
    }

    /// Serves the client until the connection has ended; `clientdisconnect` is the last that is heard of it.
    func run() async {
        loop.clients[ObjectIdentifier(self)] = self
        loop.counters.clientConnections += 1
        loop.watch(stream)
        stream.onInputEnd = { self.inputEnded() }
        await serve()
        stream.close()
        upstreams.end()
        info.timestampEnd = secondsSinceEpoch()
        services.dispatcher.notify(.clientdisconnect, ConnectionEvent(client: info))
        loop.clients[ObjectIdentifier(self)] = nil
    }

    /// Exchanges one request that no client sent; the connection is there for its sake alone.
    func run(_ flow: HTTPFlow) async {
        loop.clients[ObjectIdentifier(self)] = self
        isBusy = true
        isOurOwn = true
        let body = flow.request.body
        let exchange = HTTPExchange(
            client: self,
            HTTP1ClientSide(client: self, flow: flow, framing: .none, keepsAlive: false),
            flow
        )
        flow.request.body = body
        await exchange.run()
        stream.close()
        upstreams.end()
        loop.clients[ObjectIdentifier(self)] = nil
    }

    private func serve() async {
        let event = ConnectionEvent(client: info)
        do {
            try await services.dispatcher.ask(.clientconnect, event, on: loop, interruption)
        } catch {
            info.error = error.message
        }
        if let refusal = info.error {
            services.log.info("refused \(info.peername?.description ?? "a client"): \(refusal)")
            return
        }
        serverAddress = event.serverAddress
        switch mode.kind {
        case .regular, .upstream: await serveProxy()
        case .reverse(let target): await ReverseServer(client: self, target: target).serve()
        case .socks5: await SOCKS5Server(client: self).serve()
        case .transparent: await TransparentServer(client: self).serve()
        }
    }

    private func serveProxy() async {
        var guess = LayerGuess(clientBytes: stream.unread.readableBytesView)
        while guess == nil {
            guard await stream.readMore() else { return }
            guess = LayerGuess(clientBytes: stream.unread.readableBytesView)
        }
        if guess == .http2 {
            await HTTP2Server(client: self, way: .proxy).serve()
        } else {
            await HTTP1Server(client: self, way: .proxy).serve()
        }
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
        isStopping = true
        if let onStop { onStop() } else if !isBusy { stream.close() }
    }

    /// Cuts off whatever still runs.
    func cut() {
        interruption.interrupt(FlowError(.shutdown, "the proxy is stopping"))
        stream.close()
    }

    /// Whether the client may send another request on this connection.
    var mayContinue: Bool { !isStopping && stream.inputIsOpen }
}

/// The subject of `clientconnect` and `clientdisconnect`: the connection as nothing but bytes, `root_layer`.
final class ConnectionEvent: EventSubject {
    private let client: ConnectionInfo
    /// Where an addon wants everything on this connection to go.
    private(set) var serverAddress: ConnectionInfo.Address?

    init(client: ConnectionInfo) {
        self.client = client
    }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("root_layer")
        writer.beginObject()
        writer.key("client_conn")
        writer.raw(client.json)
        writer.key("server_conn")
        writer.beginObject()
        writer.field("address", serverAddress)
        writer.endObject()
        writer.field("mode", client.proxyMode)
        writer.field("layers", ["http1"])
        writer.key("options")
        writer.beginObject()
        writer.endObject()
        writer.endObject()
    }

    func mayChange(_ argument: String) -> Bool { argument == "root_layer" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        guard let patch = patch.pruned(against: sent()) else { return false }
        guard name == "root_layer" else { throw PatchRefusal(name, "no such argument; allowed: root_layer, action") }
        var error = client.error
        var address = serverAddress
        for member in try patch.object(at: "root_layer") {
            switch member.name {
            case "client_conn":
                error = try Self.only("error", of: member.value, at: "root_layer.client_conn")
                    .map { value throws(PatchRefusal) in try value.string(at: "root_layer.client_conn.error") }
            case "server_conn":
                address = try Self.only("address", of: member.value, at: "root_layer.server_conn")
                    .map { value throws(PatchRefusal) in try .init(value, at: "root_layer.server_conn.address") }
            case "layers": throw PatchRefusal("root_layer.layers", "cannot be chosen yet")
            default: throw .readOnly("root_layer." + member.name)
            }
        }
        client.error = error
        serverAddress = address
        return true
    }

    /// The one member that may be patched; nil when it is null.
    private static func only(_ name: String, of patch: JSONValue, at path: String) throws(PatchRefusal) -> JSONValue? {
        var found: JSONValue?
        for member in try patch.object(at: path) {
            guard member.name == name else { throw .readOnly(path + "." + member.name) }
            found = member.value.isNull ? nil : member.value
        }
        return found
    }
}
