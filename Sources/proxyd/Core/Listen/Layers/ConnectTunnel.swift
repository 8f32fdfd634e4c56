import AddonProtocol
import NIOCore
import ProxyCodecs

/// Serves a CONNECT request (RFC 9110, section 9.3.6): connects to the tunnel's destination and answers the client.
struct ConnectTunnel {
    let client: Client
    let side: any ClientSide
    let flow: HTTPFlow
    /// For the wait on the event `error`. Only a kill ends it, because the client is already gone or answered.
    private let lastWait = Interruption()

    /// - Parameter client: its `stream` becomes the tunnel.
    init(client: Client, _ side: any ClientSide, _ flow: HTTPFlow) {
        self.client = client
        self.side = side
        self.flow = flow
    }

    private var loop: FlowLoop { client.loop }
    private var services: Services { client.services }
    private var destination: (host: String, port: Int) { (flow.request.host, flow.request.port) }

    /// Runs the CONNECT, then the content of its tunnel.
    func run() async {
        loop.begin(flow) { error in
            if self.flow.failure != nil { self.lastWait.interrupt(error) }
            self.client.interruption.interrupt(error)
            if error.kind != .timeout { self.client.stream.fail(error) }
        }
        loop.counters.flows += 1
        let way = await open()
        loop.end(flow)
        guard case .open(let upstream) = way else {
            services.printer.print(flow, detail: loop.options.flowDetail)
            return await side.finish()
        }
        await LayerStack(client: client, host: destination.host, port: destination.port).run(over: upstream)
    }

    // MARK: CONNECT

    private enum Way {
        /// The client has its answer; the value is the connection to the destination, unless that is made later.
        case open(UpstreamConnection?)
        case refused
    }

    private func open() async -> Way {
        do {
            await ClientLogin(client: client, flow: flow).run()
            checkPort()
            if loop.options.via {
                Via.add(services.viaName, to: &flow.request.headers, receivedIn: flow.request.version)
            }
            try await loop.dispatcher.ask(.httpConnect, flow, on: loop, client.interruption)
            if let response = flow.response, !(200..<300).contains(response.status) {
                loop.dispatcher.notify(.httpConnectError, flow)
                try await send(response)
                return .refused
            }
            let upstream = try await connect()
            flow.requestIsSent = true
            try await accept()
            return .open(upstream)
        } catch {
            await fail(client.interruption.error ?? error)
            return .refused
        }
    }

    private func checkPort() {
        guard flow.response == nil, let reason = loop.options.values.refusal(ofConnectTo: flow.request.port) else {
            return
        }
        services.log.info(
            "refused \(client.info.peername?.description ?? "a client"): \(reason) (\(flow.logged))",
            flow: flow.id
        )
        flow.response = .page(403, reason)
    }

    /// Connects to the destination; nil when the connection is made once there is something to send.
    private func connect() async throws(FlowError) -> UpstreamConnection? {
        if loop.options.via {
            try Via.check(services.viaName, in: flow.request.headers)
            client.via = flow.request.headers.values("via").map { Array($0) }
        }
        guard loop.options.connectionStrategy == .eager,
            !client.isProxyItself(host: destination.host, port: destination.port)
        else { return nil }
        flow.state = .connecting
        let upstream = try await UpstreamConnector(client: client).connectPlain(
            to: .init(scheme: "", host: destination.host, port: destination.port),
            isTLS: false
        )
        flow.serverConnection = upstream.info
        return upstream
    }

    private func accept() async throws(FlowError) {
        var response = flow.response ?? .connectionEstablished(in: flow.request.version)
        response.body = .empty
        response.headers.remove("content-length")
        response.headers.remove("transfer-encoding")
        flow.response = response
        flow.responseIsSent = true
        side.send(connected: response)
        try await side.flush()
        loop.dispatcher.notify(.httpConnected, flow)
    }

    private func send(_ response: HTTPResponse) async throws(FlowError) {
        side.send(whole: response)
        try await side.flush()
    }

    private func fail(_ error: FlowError) async {
        loop.counters.errors += 1
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        defer { loop.dispatcher.notify(.httpConnectError, flow) }
        do {
            try await loop.dispatcher.ask(.error, flow, on: loop, lastWait, holdsUntil: client.interruption)
        } catch {
            if error.kind == .killed { return side.abort() }
        }
        guard error.isAnswered, !flow.responseIsSent else { return side.abort() }
        try? await send(flow.response ?? .page(for: error))
    }
}

extension HTTPResponse {
    fileprivate static func connectionEstablished(in version: HTTPVersion) -> HTTPResponse {
        let now = secondsSinceEpoch()
        return HTTPResponse(
            status: 200,
            reason: version == .http2 ? [] : Array("Connection established".utf8),
            version: version == .http2 ? .http2 : .http11,
            headers: HeaderFields(),
            body: .empty,
            timestampStart: now,
            timestampEnd: now,
            origin: .proxy
        )
    }
}
