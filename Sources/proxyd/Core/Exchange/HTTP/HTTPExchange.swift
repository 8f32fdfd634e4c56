import AddonProtocol
import NIOCore
import ProxyCodecs

/// One request and its response, with their events in the order of protocol section 4.1.
///
/// Bodies are held while an addon may still change them, and streamed otherwise.
final class HTTPExchange: @unchecked Sendable {
    let client: Client
    let clientSide: any ClientSide
    let flow: HTTPFlow
    /// The options at the start of the exchange.
    let options: OptionSnapshot
    let interruption: Interruption
    @exclusivity(unchecked) private var serverSide: (any ServerSide)?
    /// Whether addons have heard of the flow.
    @exclusivity(unchecked) private var isKnown = false
    /// Whether all addons that are to hear of the response have done so.
    @exclusivity(unchecked) private(set) var hasFiredResponse = false
    /// The addons that decided at `request` or `response` ahead of the body and the others.
    @exclusivity(unchecked) var requestDeciders: [DispatchPlan.Subscriber] = []
    @exclusivity(unchecked) var responseDeciders: [DispatchPlan.Subscriber] = []
    /// Whether the client has been told to send the body that it was waiting with.
    @exclusivity(unchecked) var isContinued = false
    /// Whether the request is marked with Via, so that it is recognised when it comes back.
    private let saysVia: Bool
    /// That of the event `error`, which only a kill ends: what happens to the client has happened already.
    @exclusivity(unchecked) private var lastWait: Interruption?
    /// The request's body while it is streamed.
    @exclusivity(unchecked) var upload: Upload?

    /// - Parameter isNamedByHost: whether Host alone says where the request goes, though the client speaks to a proxy.
    init(client: Client, _ clientSide: any ClientSide, _ flow: HTTPFlow, isNamedByHost: Bool = false) {
        self.client = client
        self.clientSide = clientSide
        self.flow = flow
        options = client.loop.options
        saysVia = options.via || isNamedByHost
        interruption = clientSide.interruption
        flow.limits = options.flowLimits
        if clientSide.requestIsRead { flow.request.body = .empty }
    }

    var loop: FlowLoop { client.loop }
    var services: Services { client.services }

    // MARK: Running an exchange

    /// Runs the exchange to its end, whether it succeeds or fails.
    func run() async {
        assertOnLoop(loop.eventLoop)
        begin()
        do {
            try await perform()
            loop.counters.responses += 1
        } catch {
            await fail(interruption.error ?? upload?.failure ?? error)
        }
        await end()
    }

    private func perform() async throws(FlowError) {
        if let host = options.setupHost, client.isAskedItself(by: flow, host) { answerForProxy() }
        if flow.response == nil, options.asksLogin, !client.isOurOwn {
            await ClientLogin(client: client, flow: flow).run()
        }
        if flow.response == nil, !client.isOurOwn, MaxForwards.endsHere(&flow.request) {
            flow.response = .ofFinalRecipient(of: flow.request)
        }
        if saysVia, !client.isOurOwn {
            Via.add(services.viaName, to: &flow.request.headers, receivedIn: flow.request.version)
        }
        let proposed = proposeRequestStream()
        try await fire(.requestheaders)
        if flow.response == nil { try checkGuardian(of: .request, proposed, flow.requestStream) }
        try await takeRequest()
        if flow.response == nil { try await fetch() } else { try await sendOwn() }
    }

    /// Sends a response that does not come from a server.
    private func sendOwn() async throws(FlowError) {
        try await fire(.responseheaders)
        try await fireResponse()
        try await sendHeld()
    }

    private func answerForProxy() {
        flow.response = SetupSite(client: client, request: flow.request).response
    }

    /// Sends the request to its server, and the response to the client.
    private func fetch() async throws(FlowError) {
        flow.state = .connecting
        loop.noteChange(of: flow)
        if saysVia { try Via.check(services.viaName, in: flow.request.headers) }
        let (server, head): (any ServerSide, ResponseHead)
        do throws(FlowError) {
            (server, head) = try await ask()
        } catch {
            // The request named the proxy itself, which only became apparent from the connection.
            guard error.isNamedProxyItself, options.setupHost != nil, client.mode.answersItself else { throw error }
            answerForProxy()
            return try await sendOwn()
        }
        flow.state = .response
        let length = try server.responseLength()
        var response = HTTPResponse(head, hasBody: length != .none)
        if options.via { Via.add(services.viaName, to: &response.headers, receivedIn: head.version) }
        flow.response = response
        loop.noteChange(of: flow)
        let proposed = proposeResponseStream(length)
        try await fire(.responseheaders)
        if head.status == 101 { return try await upgrade(over: server, head) }
        try checkGuardian(of: .response, proposed, flow.responseStream)
        switch responseCourse(length) {
        case .held:
            if try await holdResponse(from: server, length) {
                release(server)
                try await fireResponse()
                try await showHeldResponse()
                return try await sendHeld()
            }
            try await fireResponse()
        case .decided(let deciders):
            try await fireResponse(ahead: deciders)
        case .passed:
            break
        }
        try await passOnResponse(from: server, length)
        if clientSide.requestIsRead { release(server) }
        if !hasFiredResponse { try await fireResponse() }
        guard serverSide != nil else { return }
        await finishUpload(to: server)
        release(server)
    }

    /// Connects a request that has passed its `request` event, and returns the server with its response head.
    private func ask() async throws(FlowError) -> (any ServerSide, ResponseHead) {
        let isHeld = flow.request.body.isComplete
        var server = try await connect()
        var tries = 1
        while true {
            serverSide = server
            flow.serverConnection = server.info
            do {
                return (server, isHeld ? try await sendHeldRequest(to: server) : try await passOnRequest(to: server))
            } catch {
                guard isHeld, tries < Limits.http2Tries, error.isRefusal || isStale(server, error) else { throw error }
                tries += 1
                server.end()
                // After a refused stream, another stream may succeed. After GOAWAY, none on this connection will.
                server = try await error.isRefusal ? connect() : connectAnew()
            }
        }
    }

    /// Whether only a stale idle connection may have failed, so that the request can be sent again.
    private func isStale(_ server: any ServerSide, _ error: FlowError) -> Bool {
        error.kind == .serverDisconnected && isIdempotent && server.mayHaveBeenStale
    }

    private func connect() async throws(FlowError) -> any ServerSide {
        if let failure = client.upstreams.takeFailure(of: destination) { throw failure }
        if let shared, let server = try await stream(on: shared) { return server }
        guard let idle = client.upstreams.take(destination, forUpgrade: flow.request.upgrades) else {
            return try await connectAnew()
        }
        loop.counters.serverConnectionsReused += 1
        return HTTP1ServerSide(idle, for: client, flow, interruption, isReused: true)
    }

    /// An existing connection that has room for another exchange.
    private var shared: UpstreamConnection? {
        mayUseHTTP2 ? client.upstreams.share(destination) : nil
    }

    private func stream(on shared: UpstreamConnection) async throws(FlowError) -> (any ServerSide)? {
        let streams = try shared.streams(client.limits)
        if await fallsBack(from: shared, streams) { return nil }
        if upgradesToWebSocket, await !streams.takesExtendedConnect() { return nil }
        loop.counters.serverConnectionsReused += 1
        return HTTP2ServerSide(shared, streams, for: client, flow, interruption)
    }

    private func connectAnew() async throws(FlowError) -> any ServerSide {
        let destination = destination
        // Until a new connection is made, it is unknown whether its HTTP/2 would support WebSocket, and then it is too
        // late.
        guard mayUseHTTP2, !upgradesToWebSocket || destination.speaksH2C else { return try await openHTTP1() }
        let isOwnTurn = await client.upstreams.opens(destination, interruption)
        defer {
            if isOwnTurn {
                client.upstreams.openingEnded(destination, isGivenUp: interruption.error != nil)
            }
        }
        if let error = interruption.error { throw error }
        if !isOwnTurn, let shared, let server = try await stream(on: shared) { return server }
        return try await open(to: self.destination, alpn: ALPN.offers(http2: true))
    }

    private func openHTTP1() async throws(FlowError) -> any ServerSide {
        var destination = destination
        destination.speaksH2C = false
        return try await open(to: destination, alpn: ALPN.offers(http2: false))
    }

    private func open(
        to destination: Destination,
        alpn: [String]
    ) async throws(FlowError) -> any ServerSide {
        let connection = try await UpstreamConnector(client: client, interruption)
            .connect(to: destination, alpn: alpn, forUpgrade: flow.request.upgrades)
        guard connection.isShared else {
            return HTTP1ServerSide(connection, for: client, flow, interruption, isReused: false)
        }
        let streams = try connection.streams(client.limits)
        if await fallsBack(from: connection, streams) { return try await openHTTP1() }
        if !connection.isRedirected { client.upstreams.put(connection) }
        if upgradesToWebSocket, await !streams.takesExtendedConnect() { return try await openHTTP1() }
        return HTTP2ServerSide(connection, streams, for: client, flow, interruption)
    }

    /// Gives up HTTP/2 without TLS if only the client suggested it and the server does not speak it.
    private func fallsBack(from connection: UpstreamConnection, _ streams: HTTP2Connection) async -> Bool {
        let wasGuessed = connection.destination.speaksH2C && client.mode.reverseDestination?.speaksH2C != true
        guard wasGuessed, await !streams.isSpoken() else { return false }
        connection.end()
        client.usesH2C = false
        return true
    }

    /// The only upgrade that HTTP/2 supports is that to WebSocket.
    private var mayUseHTTP2: Bool {
        (flow.request.scheme == "https" ? options.http2 : client.usesH2C)
            && (upgradesToWebSocket || !flow.request.headers.contains("upgrade"))
    }

    private var destination: Destination {
        let scheme = flow.request.scheme
        let usesH2C = client.usesH2C && scheme == "http"
        return .init(
            scheme: scheme,
            host: flow.request.host,
            port: flow.request.port,
            speaksH2C: usesH2C,
            route: flow.route
        )
    }

    /// Whether the method is idempotent (RFC 9110, section 9.2.2).
    private var isIdempotent: Bool {
        ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"].contains(flow.request.method)
    }

    /// Releases the server. From now on, failures do not concern it.
    private func release(_ server: any ServerSide) {
        serverSide = nil
        server.release(requestIsSent: clientSide.requestIsRead)
    }

    // MARK: Events

    /// Inlined, so that an event without subscribers costs no asynchronous call.
    @inline(__always)
    func fire(_ event: Event, to audience: Audience = .everyone) async throws(FlowError) {
        if let error = interruption.error { throw error }
        isKnown = true
        guard loop.dispatcher.hasSubscribers(event) else { return }
        try await loop.dispatcher.ask(event, flow, to: audience, on: loop, interruption)
    }

    /// Fires the flow's final event. Later failures do not become an `error` event.
    @inline(__always)
    func fireResponse() async throws(FlowError) {
        if let error = interruption.error { throw error }
        if !loop.dispatcher.isPrepared(.response, flow) { try await loop.dispatcher.prepare(.response, flow, on: loop) }
        hasFiredResponse = true
        try await fire(.response, to: .except(responseDeciders))
    }

    /// Fires `response` for these addons alone. The others get it when the body has passed.
    private func fireResponse(ahead deciders: [DispatchPlan.Subscriber]) async throws(FlowError) {
        if let error = interruption.error { throw error }
        responseDeciders = deciders
        try await fire(.response, to: .only(deciders))
    }

    private func begin() {
        loop.begin(flow) { self.kill($0) }
        if client.isOurOwn { loop.count(flow) }
        loop.counters.flows += 1
    }

    private func end() async {
        flow.state = .done
        loop.end(flow)
        services.printer.print(flow, detail: options.flowDetail)
        await clientSide.finish()
    }

    /// Closes both sides, so that every wait of the exchange fails. In the case of a timeout, a client that is still
    /// waiting for its response gets an error instead.
    private func kill(_ error: FlowError) {
        assertOnLoop(loop.eventLoop)
        lastWait?.interrupt(error)
        interruption.interrupt(error)
        if error.kind == .timeout, !flow.responseIsSent { return clientSide.stopWaiting() }
        clientSide.abort()
        serverSide?.end()
    }

    // MARK: Failure

    /// Ends a flow of which at most the head could be read.
    ///
    /// - Parameter isShown: whether there is a request to show to addons.
    func refuse(_ error: FlowError, isShown: Bool) async {
        assertOnLoop(loop.eventLoop)
        guard isShown else {
            clientSide.abandonRequest()
            await answer(error)
            return await clientSide.finish()
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

    /// Fires `error` for the addons that have not had `response`, then answers the client.
    private func fail(_ error: FlowError) async {
        loop.counters.errors += 1
        serverSide?.end()
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        clientSide.abandonRequest()
        do {
            if isKnown, !hasFiredResponse {
                let wait = Interruption()
                lastWait = wait
                let audience = Audience.except(responseDeciders)
                try await loop.dispatcher.ask(.error, flow, to: audience, on: loop, wait, holdsUntil: interruption)
            }
        } catch {
            if error.kind == .killed { return clientSide.abort() }
        }
        guard error.isAnswered, !flow.responseIsSent else { return clientSide.abort() }
        await answer(error)
    }

    private func answer(_ error: FlowError) async {
        if flow.response == nil || flow.response?.origin == .server {
            if error.isRefusal, clientSide.refuse() { return }
            flow.response = .page(for: error)
        }
        try? await sendHeld()
    }
}
