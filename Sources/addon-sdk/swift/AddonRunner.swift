import AddonProtocol

/// Keeps an addon connected.
struct AddonRunner: Sendable {
    private let path: String
    private let table: HandlerTable
    private let registration: JSONValue
    private let maxInFlight: Int
    private let isSpawned: Bool
    private let daemon = Daemon()
    private let farewell: Farewell

    /// - Parameter token: the token that the daemon gave to an addon that it started.
    /// - Throws: when the settings ask for an event that has no handler.
    init(addon: some Addon, path: String, token: String? = SocketPath.token()) throws(AddonError) {
        self.path = path
        table = HandlerTable(addon)
        try table.check(addon.settings)
        farewell = Farewell(table.handler(of: Event.done.rawValue), daemon)
        maxInFlight = max(addon.settings.maxInFlight, 1)
        isSpawned = token != nil
        registration = Self.registration(of: addon, events: table.events, token: token)
    }

    func run() async throws {
        try UnixSocket.check(path)
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                let socket = try UnixSocket.connect(to: path)
                let (wasRegistered, isRemoved) = try await runSession(on: socket)
                if isRemoved { return Diagnostics.write("proxyd was told to remove the addon; it ends") }
                if wasRegistered { backoff = Backoff() }
            } catch let error as SocketError where !isSpawned {
                if backoff.isFirst { Diagnostics.write("\(error); trying again until it answers") }
            }
            if isSpawned { return }
            try? await Task.sleep(for: backoff.next())
        }
        await farewell.say()
    }

    /// Runs one session. Returns whether the daemon had accepted the addon, and whether the addon was removed, so that it must not reconnect.
    private func runSession(on socket: UnixSocket) async throws -> (wasRegistered: Bool, isRemoved: Bool) {
        let (end, isRemoved) = try await withTaskCancellationHandler {
            try await BlockingThread.run {
                let outbox = Outbox(socket)
                let events = EventRunner(table: table, outbox: outbox, socket: socket, maxInFlight: maxInFlight)
                let session = Session(socket: socket, outbox: outbox, daemon: daemon) { call in
                    if call.method == Event.done.rawValue { farewell.isSaid() }
                    events.receive(call)
                }
                let end = session.run(registration: registration) { _ in farewell.isDue() }
                return (end, events.isRemoved)
            }
        } onCancel: {
            Task {
                await farewell.say()
                // The addon goes of its own accord, so nothing need wait for it.
                try? daemon.notify(.leave, [:])
                socket.shutdown()
            }
        }
        switch end {
        case .closed(let wasRegistered): return (wasRegistered, isRemoved)
        case .refused(let error): throw error
        }
    }

    /// The params of `initialize`.
    private static func registration(of addon: some Addon, events: [Event], token: String?) -> JSONValue {
        let settings = addon.settings
        let chosen = settings.subscriptions.map(\.event)
        let handled = settings.subscribesAsHandled ? events : []
        let defaults = handled.filter { !chosen.contains($0) && !$0.isLifecycle }
            .map {
                Subscription(
                    event: $0,
                    body: settings.body,
                    decode: settings.decodesContent && $0.showsContent(settings.body)
                )
            }
        var params: [JSONValue.Member] = [
            .init("protocol", [.integer(Registration.protocolVersion)]),
            .init("name", .string(addon.name)),
            .init("events", .array((defaults + settings.subscriptions).map(\.json))),
            .init("order", settings.order.json),
            .init("max_in_flight", .integer(max(settings.maxInFlight, 1))),
        ]
        if !settings.options.isEmpty { params.append(.init("options", .array(settings.options.map(\.json)))) }
        if !settings.commands.isEmpty { params.append(.init("commands", .array(settings.commands.map(\.json)))) }
        if let version = settings.version { params.append(.init("version", .string(version))) }
        if settings.isPooled { params.append(.init("pool", true)) }
        if let token { params.append(.init("token", .string(token))) }
        if let policy = settings.onFailure { params.append(.init("on_failure", .string(policy.rawValue))) }
        if let timeout = settings.timeoutMilliseconds { params.append(.init("timeout_ms", timeout.json)) }
        return .object(params)
    }
}

extension Event {
    /// Whether `content` has the whole body, or its beginning.
    fileprivate func showsContent(_ body: Subscription.Body) -> Bool {
        [.request, .response].contains(self) && ![.none, .stream].contains(body)
    }
}

/// Growing delays between attempts to connect.
struct Backoff {
    static let shortest = Duration.milliseconds(25)
    static let longest = Duration.seconds(2)

    private var delay = shortest

    var isFirst: Bool { delay == Self.shortest }

    mutating func next() -> Duration {
        defer { delay = min(delay * 2, Self.longest) }
        return delay
    }
}
