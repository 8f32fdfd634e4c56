package import AddonProtocol

/// The handlers of an addon, by event.
package struct HandlerTable: Sendable {
    /// Takes an event's params and returns the reply: the same keys, each with a merge patch, or `{}`.
    package typealias Handler = @Sendable (_ params: LazyJSON) async throws -> JSONValue

    private var handlers: [String: Handler] = [:]
    /// The events that have handlers.
    package private(set) var events: [Event] = []

    /// - Parameter method: the event's name on the socket.
    package func handler(of method: String) -> Handler? { handlers[method] }

    /// Collects the handlers of the protocols that the addon conforms to.
    package init(_ addon: any Addon) {
        addLifecycle(addon)
        addConnections(addon)
        addFlows(addon)
        addTunnels(addon)
        addWebSockets(addon)
        addChunks(addon)
        addLayers(addon)
        addTCP(addon)
    }

    mutating func add(_ event: Event, _ handler: @escaping Handler) {
        events.append(event)
        handlers[event.rawValue] = handler
    }

    mutating func addFlow<Flow: EventFlow>(
        _ event: Event,
        _ handle: @escaping @Sendable (Flow) async throws -> Void
    ) {
        add(event) { params in
            let flow = Flow(params["flow"] ?? .null)
            try await handle(flow)
            return flow.reply()
        }
    }

    private mutating func addConnection(
        _ event: Event,
        _ handle: @escaping @Sendable (ConnectionEvent) async throws -> Void
    ) {
        add(event) { params in
            let event = ConnectionEvent(params)
            try await handle(event)
            return event.reply()
        }
    }

    private mutating func addLifecycle(_ addon: any Addon) {
        if let addon = addon as? any StartHandler {
            add(.start) { _ in
                try await addon.start()
                return [:]
            }
        }
        if let addon = addon as? any ConfigureHandler {
            add(.configure) { params in
                let options = (params["options"]?.value.members ?? []).map { ($0.name, $0.value) }
                let updated = (params["updated"]?.value.arrayValue ?? []).compactMap(\.stringValue)
                do {
                    let options = Dictionary(options) { _, later in later }
                    try await addon.configure(options: options, updated: updated)
                } catch {
                    throw ProtocolError(code: ProtocolError.veto, message: "\(error)")
                }
                return [:]
            }
        }
        if let addon = addon as? any DoneHandler {
            add(.done) { params in
                try await addon.done(reason: params["reason"]?.value.stringValue ?? "")
                return [:]
            }
        }
        if let addon = addon as? any CommandHandler {
            handlers["command"] = { params in
                try await addon.command(params["name"]?.value.stringValue ?? "", params["args"]?.value ?? .null)
            }
        }
        if let addon = addon as? any RunningHandler {
            add(.running) { _ in
                try await addon.running()
                return [:]
            }
        }
        if let addon = addon as? any LogHandler {
            add(.log) { params in
                try await addon.log(LogEntry(params["entry"]?.value ?? .null))
                return [:]
            }
        }
        if let addon = addon as? any TickHandler {
            add(.tick) { params in
                try await addon.tick(time: params["time"]?.value.doubleValue ?? 0)
                return [:]
            }
        }
    }

    private mutating func addConnections(_ addon: any Addon) {
        if let addon = addon as? any ClientConnectHandler {
            addConnection(.clientconnect) { try await addon.clientconnect($0) }
        }
        if let addon = addon as? any ClientDisconnectHandler {
            addConnection(.clientdisconnect) { try await addon.clientdisconnect($0) }
        }
        if let addon = addon as? any ServerConnectHandler {
            addConnection(.serverconnect) { try await addon.serverconnect($0) }
        }
        if let addon = addon as? any ServerConnectedHandler {
            addConnection(.serverconnected) { try await addon.serverconnected($0) }
        }
        if let addon = addon as? any ServerConnectErrorHandler {
            addConnection(.serverconnectError) { try await addon.serverconnectError($0) }
        }
        if let addon = addon as? any ServerDisconnectHandler {
            addConnection(.serverdisconnect) { try await addon.serverdisconnect($0) }
        }
    }

    private mutating func addChunks(_ addon: any Addon) {
        if let addon = addon as? any RequestDataHandler {
            add(.requestData) { try await addon.requestData(BodyChunk($0)).json }
        }
        if let addon = addon as? any ResponseDataHandler {
            add(.responseData) { try await addon.responseData(BodyChunk($0)).json }
        }
    }

    private mutating func addTunnels(_ addon: any Addon) {
        if let addon = addon as? any HTTPConnectUpstreamHandler {
            addFlow(.httpConnectUpstream) { try await addon.httpConnectUpstream($0) }
        }
        if let addon = addon as? any HTTPConnectedHandler {
            addFlow(.httpConnected) { try await addon.httpConnected($0) }
        }
        if let addon = addon as? any HTTPConnectErrorHandler {
            addFlow(.httpConnectError) { try await addon.httpConnectError($0) }
        }
        if let addon = addon as? any SOCKS5AuthHandler {
            add(.socks5Auth) { params in
                let isValid = try await addon.socks5Auth(
                    username: params["username"]?.value.stringValue ?? "",
                    password: params["password"]?.value.stringValue ?? "",
                    client: params["client_conn"]?.value ?? .null
                )
                return isValid.map { ["valid": .bool($0)] } ?? [:]
            }
        }
    }

    private mutating func addWebSockets(_ addon: any Addon) {
        if let addon = addon as? any WebSocketHandshakeHandler {
            addFlow(.websocketHandshake) { try await addon.websocketHandshake($0) }
        }
        if let addon = addon as? any WebSocketStartHandler {
            addFlow(.websocketStart) { try await addon.websocketStart($0) }
        }
        if let addon = addon as? any WebSocketMessageHandler {
            addFlow(.websocketMessage) { try await addon.websocketMessage($0) }
        }
        if let addon = addon as? any WebSocketErrorHandler {
            addFlow(.websocketError) { try await addon.websocketError($0) }
        }
        if let addon = addon as? any WebSocketEndHandler {
            addFlow(.websocketEnd) { try await addon.websocketEnd($0) }
        }
    }

    private mutating func addFlows(_ addon: any Addon) {
        if let addon = addon as? any HTTPConnectHandler {
            addFlow(.httpConnect) { try await addon.httpConnect($0) }
        }
        if let addon = addon as? any RequestHeadersHandler {
            addFlow(.requestheaders) { try await addon.requestheaders($0) }
        }
        if let addon = addon as? any RequestHandler {
            addFlow(.request) { try await addon.request($0) }
        }
        if let addon = addon as? any ResponseHeadersHandler {
            addFlow(.responseheaders) { try await addon.responseheaders($0) }
        }
        if let addon = addon as? any ResponseHandler {
            addFlow(.response) { try await addon.response($0) }
        }
        if let addon = addon as? any ErrorHandler {
            addFlow(.error) { try await addon.error($0) }
        }
    }
}

/// A flow as a handler gets it.
protocol EventFlow: Sendable {
    init(_ json: LazyJSON)
    /// The reply to the daemon.
    func reply() -> JSONValue
}

extension HTTPFlow: EventFlow {}
extension WebSocketFlow: EventFlow {}
extension TCPFlow: EventFlow {}
