import AddonProtocol
import NIOCore

/// One request and its response, told to the addons as they go by: the order of events of protocol section 4.
///
/// Bodies are held while an addon may still change them, and passed on as they come otherwise.
final class HTTPExchange: @unchecked Sendable {
    let client: ClientConnection
    let flow: HTTPFlow
    /// As they were when the exchange began.
    let options: Options
    /// How the request's body is framed by the client.
    let framing: BodyFraming
    /// Whether the client wants to go on after this exchange.
    private let clientKeepsAlive: Bool
    /// Whether the request has been read to its end, so that what follows is the next one.
    var requestIsRead = false
    /// Whether the end of the response is the end of the connection.
    var endsConnection = false
    private var upstream: UpstreamConnection?
    private var hasFiredResponse = false
    /// What reads the request's body; nil until the first of it is wanted.
    var requestParser: HTTP1BodyParser?
    /// The request's body while it is passed on.
    var upload: Upload?

    init(client: ClientConnection, flow: HTTPFlow, framing: BodyFraming, keepsAlive: Bool) {
        self.client = client
        self.flow = flow
        options = client.services.options.current
        self.framing = framing
        clientKeepsAlive = keepsAlive
        flow.decodedSizeLimit = options.decodedSizeLimit
        if framing == .none || framing == .length(0) {
            flow.request.body = .empty
            requestIsRead = true
        }
    }

    var loop: LoopContext { client.loop }
    var services: Services { client.services }
    var persists: Bool { clientKeepsAlive && requestIsRead && !endsConnection && client.mayContinue }

    // MARK: The course of an exchange

    /// - Returns: whether the client may send another request on the connection.
    func run() async -> Bool {
        begin()
        do {
            try await perform()
            loop.counters.responses += 1
        } catch {
            await fail(client.interruption.error ?? upload?.failure ?? error)
        }
        await end()
        return persists
    }

    private func perform() async throws(FlowError) {
        if services.authenticator != nil, !client.isOurOwn { await ClientLogin(client: client, flow: flow).run() }
        let proposed = proposeRequestStream()
        try await fire(.requestheaders)
        if flow.response == nil, !requestIsRead, proposed != .off, flow.requestStream == proposed {
            try checkGuardian(of: .request, "it is larger than stream_large_bodies")
        }
        if flow.response != nil || holdsRequest {
            try await readRequest(
                holding: flow.response == nil || services.dispatcher.plan.holdsBody(for: .request, of: flow)
            )
            try await fire(.request)
            if flow.response == nil { try await showHeldRequest() }
            if flow.response == nil, upgradesToWebSocket { try await shakeHands() }
        }
        if flow.response == nil {
            try await fetch()
        } else {
            try await fire(.responseheaders)
            try await fireResponse()
            try await sendHeld()
        }
    }

    /// Sends the request to its server and the response to the client.
    private func fetch() async throws(FlowError) {
        flow.state = .connecting
        let (upstream, head) = try await ask()
        self.upstream = upstream
        flow.state = .response
        let framing: BodyFraming
        do {
            framing = try BodyFraming.ofResponse(head, toMethod: flow.request.method)
        } catch {
            throw FlowError(.malformedResponse, "the server's response is malformed: \(error.message)")
        }
        flow.response = HTTPResponse(head, hasBody: framing != .none)
        let proposed = proposeResponseStream(framing)
        try await fire(.responseheaders)
        if head.status == 101 { return try await upgrade(over: upstream, head) }
        if framing != .none, proposed != .off, flow.responseStream == proposed {
            try checkGuardian(of: .response, "it is passed on as it comes")
        }
        let leavesOpen = head.keepsAlive && framing != .untilClose
        var source = ResponseBody(from: upstream, framing, client.limits)
        if holdsResponse, try await readResponse(&source) {
            release(leavesOpen && requestIsRead)
            try await fireResponse()
            try await showHeldResponse()
            try await sendHeld()
        } else {
            if let body = flow.response?.body, body.bytes != nil, !body.isComplete { try await fireResponse() }
            try await passOn(&source)
            release(leavesOpen && requestIsRead)
            if !hasFiredResponse { try await fireResponse() }
        }
    }

    /// What is past its `request` event has an upstream and gets a response head.
    private func ask() async throws(FlowError) -> (UpstreamConnection, ResponseHead) {
        let isHeld = flow.request.body.isComplete
        let (connection, isReused) = try await connect()
        upstream = connection
        flow.serverConnection = connection.info
        do {
            let head = isHeld ? try await sendHeldRequest(over: connection) : try await passOnRequest(over: connection)
            return (connection, head)
        } catch {
            guard isReused, isHeld, error.kind == .serverDisconnected, isIdempotent, !connection.hasAnswered else {
                throw error
            }
        }
        connection.end()
        let fresh = try await UpstreamConnector(client: client).connect(to: destination)
        upstream = fresh
        flow.serverConnection = fresh.info
        return (fresh, try await sendHeldRequest(over: fresh))
    }

    private func connect() async throws(FlowError) -> (UpstreamConnection, isReused: Bool) {
        if let failure = client.upstreams.takeFailure(of: destination) { throw failure }
        if let idle = client.upstreams.take(destination) {
            loop.counters.serverConnectionsReused += 1
            return (idle, true)
        }
        return (try await UpstreamConnector(client: client).connect(to: destination), false)
    }

    private var destination: UpstreamConnection.Destination {
        .init(scheme: flow.request.scheme, host: flow.request.host, port: flow.request.port)
    }

    /// RFC 9110, section 9.2.2.
    private var isIdempotent: Bool {
        ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"].contains(flow.request.method)
    }

    /// Lets the upstream connection go: to the pool, when another request can follow.
    private func release(_ leavesOpen: Bool) {
        guard let upstream else { return }
        self.upstream = nil
        if leavesOpen { client.upstreams.put(upstream) } else { upstream.end() }
    }

    // MARK: Which bodies are held

    private var holdsRequest: Bool {
        requestIsRead || (flow.requestStream == .off && services.dispatcher.plan.holdsBody(for: .request, of: flow))
    }

    private var holdsResponse: Bool {
        flow.responseStream == .off && services.dispatcher.plan.holdsBody(for: .response, of: flow)
    }

    // MARK: Events

    func fire(_ event: Event) async throws(FlowError) {
        if let error = client.interruption.error { throw error }
        try await services.dispatcher.ask(event, flow, on: loop, client.interruption)
    }

    /// From here on the flow has had its one last event, so a failure of whatever follows is none of its own.
    func fireResponse() async throws(FlowError) {
        if let error = client.interruption.error { throw error }
        try await services.dispatcher.prepare(.response, flow, on: loop)
        hasFiredResponse = true
        try await fire(.response)
    }

    private func begin() {
        loop.begin(flow) { self.kill($0) }
        loop.counters.flows += 1
    }

    private func end() async {
        flow.state = .done
        loop.end(flow, services.options.current)
        printLine()
        if upload != nil { client.stream.stopReading() }
        if !persists { await client.closeGracefully(requestIsRead: requestIsRead) }
    }

    /// Closes both sides, wherever the exchange is; whatever it waits for fails then.
    private func kill(_ error: FlowError) {
        client.interruption.interrupt(error)
        client.stream.fail(error)
        upstream?.stream.close()
    }

    private func printLine() {
        guard options.flowDetail > 0 else { return }
        let outcome: FlowPrinter.Outcome =
            if let failure = flow.failure {
                .error(failure.error.message)
            } else {
                .response(
                    status: flow.response?.status ?? 0,
                    reason: flow.response?.reason ?? [],
                    size: flow.response?.body.size ?? 0
                )
            }
        services.printer.print(
            client: client.info.peername?.description ?? "",
            method: Array(flow.request.method.utf8),
            url: flow.url,
            outcome: outcome,
            milliseconds: Int((secondsSinceEpoch() - flow.timestampCreated) * 1000)
        )
    }

    // MARK: Failure

    /// Ends a flow of which at most the head was understood.
    ///
    /// - Parameter isShown: whether there is a request that addons can be shown.
    func refuse(_ error: FlowError, isShown: Bool) async {
        requestIsRead = false
        guard isShown else {
            endsConnection = true
            await answer(error)
            return await client.closeGracefully(requestIsRead: false)
        }
        begin()
        flow.requestIsSent = true
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        do {
            try await fire(.requestheaders)
            await fail(error)
        } catch {
            await fail(error)
        }
        await end()
    }

    /// The flow's one `error` event, unless it has had its `response`, and what the client then gets.
    private func fail(_ error: FlowError) async {
        loop.counters.errors += 1
        upstream?.end()
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        endsConnection = true
        do {
            if !hasFiredResponse {
                try await services.dispatcher.ask(
                    .error,
                    flow,
                    on: loop,
                    Interruption(),
                    holdsUntil: client.interruption
                )
            }
        } catch {
            if error.kind == .killed { return client.stream.close() }
        }
        guard error.isAnswered, !flow.responseIsSent else { return client.stream.close() }
        await answer(error)
    }

    private func answer(_ error: FlowError) async {
        if flow.response == nil || flow.response?.origin == .server { flow.response = .page(for: error) }
        try? await sendHeld()
    }
}
