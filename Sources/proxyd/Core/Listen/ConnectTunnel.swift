import AddonProtocol
import NIOCore

/// A CONNECT request (RFC 9110, section 9.3.6): the way to the tunnel's other end, and the answer to the client.
struct ConnectTunnel {
    let client: ClientConnection
    let flow: HTTPFlow
    /// That of the event `error`, which only a kill ends: what happens to the client has happened already.
    private let lastWait = Interruption()

    init(client: ClientConnection, flow: HTTPFlow) {
        self.client = client
        self.flow = flow
    }

    private var loop: LoopContext { client.loop }
    private var services: Services { client.services }
    private var destination: (host: String, port: Int) { (flow.request.host, flow.request.port) }

    func run() async {
        loop.begin(flow) { error in
            if self.flow.failure != nil { self.lastWait.interrupt(error) }
            self.client.interruption.interrupt(error)
            self.client.stream.fail(error)
        }
        loop.counters.flows += 1
        let way = await open()
        loop.end(flow, services.options.current)
        guard case .open(let upstream) = way else { return await client.closeGracefully(requestIsRead: true) }
        await LayerStack(client: client, host: destination.host, port: destination.port).run(over: upstream)
    }

    // MARK: The CONNECT itself

    private enum Way {
        /// The client has been told; the connection to the other end, unless that is to be made later.
        case open(UpstreamConnection?)
        case refused
    }

    private func open() async -> Way {
        do {
            await ClientLogin(client: client, flow: flow).run()
            try await services.dispatcher.ask(.httpConnect, flow, on: loop, client.interruption)
            if let response = flow.response, !(200..<300).contains(response.status) {
                services.dispatcher.notify(.httpConnectError, flow)
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

    /// The connection to the other end; nil when it is to be made when there is something to send.
    private func connect() async throws(FlowError) -> UpstreamConnection? {
        guard services.options.current.connectionStrategy == .eager else { return nil }
        flow.state = .connecting
        let upstream = try await UpstreamConnector(client: client).connectPlain(
            to: .init(scheme: "", host: destination.host, port: destination.port),
            isTLS: false
        )
        flow.serverConnection = upstream.info
        return upstream
    }

    private func accept() async throws(FlowError) {
        var response = flow.response ?? .connectionEstablished
        response.body = .empty
        response.headers.remove("content-length")
        response.headers.remove("transfer-encoding")
        var buffer = loop.buffer()
        HTTP1Encoder.write(ResponseHead(response), into: &buffer)
        flow.response = response
        flow.responseIsSent = true
        try await write(buffer)
        services.dispatcher.notify(.httpConnected, flow)
    }

    private func send(_ response: HTTPResponse) async throws(FlowError) {
        var head = ResponseHead(response)
        let body = response.body.bytes ?? ByteBuffer()
        let framing = MessageRules.setFraming(
            of: .length(UInt64(body.readableBytes)),
            in: &head,
            toMethod: "CONNECT",
            peer: flow.request.version
        )
        MessageRules.setPersistence(false, with: flow.request.version, in: &head.fields)
        var buffer = loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        client.stream.write(body: body, framing: framing, trailers: nil, after: buffer)
        try await write(ByteBuffer())
    }

    private func write(_ bytes: ByteBuffer) async throws(FlowError) {
        client.stream.write(bytes)
        do {
            try await client.stream.flush()
        } catch {
            throw FlowError(.clientDisconnected, "client disconnected: \(error)")
        }
    }

    private func fail(_ error: FlowError) async {
        loop.counters.errors += 1
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        defer { services.dispatcher.notify(.httpConnectError, flow) }
        do {
            try await services.dispatcher.ask(.error, flow, on: loop, lastWait, holdsUntil: client.interruption)
        } catch {
            if error.kind == .killed { return client.stream.close() }
        }
        guard error.isAnswered, !flow.responseIsSent else { return client.stream.close() }
        try? await send(flow.response ?? .page(for: error))
    }
}

extension HTTPResponse {
    fileprivate static var connectionEstablished: HTTPResponse {
        let now = secondsSinceEpoch()
        return HTTPResponse(
            status: 200,
            reason: Array("Connection established".utf8),
            version: .http11,
            headers: HeaderFields(),
            body: .empty,
            timestampStart: now,
            timestampEnd: now,
            origin: .proxy
        )
    }
}

extension ResponseHead {
    fileprivate init(_ response: HTTPResponse) {
        self.init(
            status: response.status,
            reason: response.reason,
            version: .http11,
            fields: response.headers
        )
    }
}
