import AddonProtocol
import NIOCore
import Synchronization

/// All connected addons: who they are, what each wants, and the plan that follows from it.
final class AddonHost: Sendable {
    struct Member {
        let session: AddonSession
        var terms: AddonTerms
    }

    private struct State {
        var members: [Member] = []
        var arrivals = 0
        var isClosing = false
        var isRunning = false
    }

    private let plan: Published<DispatchPlan>
    let options: OptionStore
    let log: Log
    let flows: FlowTable
    let addonOptions: AddonOptions
    let taps: Taps
    private let state = Mutex(State())

    init(plan: Published<DispatchPlan>, flows: FlowTable, options: OptionStore, log: Log) {
        self.plan = plan
        self.flows = flows
        self.options = options
        self.log = log
        addonOptions = AddonOptions(deferred: options.current.deferred)
        taps = Taps(flows: flows, addonOptions: addonOptions)
    }

    var sessions: [AddonSession] { state.withLock { $0.members.map(\.session) } }

    // MARK: Coming and going

    /// Admits an addon into the chain: from now on its events are sent, or wait until it has started.
    ///
    /// - Throws: -32602 for subscriptions or an order that cannot be met; -32600 while the daemon stops.
    func admit(
        _ registration: Registration,
        spec: AddonSpec?,
        pid: Int?,
        uid: UInt32,
        channel: AddonChannel,
        on loop: LoopContext
    )
        throws(ProtocolError) -> AddonSession
    {
        let current = options.current
        let identity = AddonIdentity(registration, spec, uid: uid)
        let terms = try AddonTerms(registration, spec, AddonRights(identity, spec, current), current)
        return try state.withLock { state throws(ProtocolError) in
            guard !state.isClosing else {
                throw ProtocolError(code: ProtocolError.invalidRequest, message: "the daemon is stopping")
            }
            state.arrivals += 1
            let session = AddonSession(
                name: Self.uniqueName(spec?.name ?? registration.name, among: state.members),
                registration: registration,
                loop: loop,
                channel: channel,
                spec: spec,
                identity: identity,
                pid: pid,
                arrival: state.arrivals,
                options: current,
                log: log
            )
            let members = try AddonOrder.sorted(state.members + [Member(session: session, terms: terms)])
            try Self.check(registration.commands, of: session, among: state.members.map(\.session))
            try addonOptions.declare(registration.options, by: session)
            update(&state, members)
            return session
        }
    }

    func remove(_ session: AddonSession) {
        let isLast = state.withLock { state in
            update(&state, state.members.filter { $0.session !== session })
            return !state.members.contains { $0.session.isOneAddon(with: session) }
        }
        taps.stop(session)
        if isLast { addonOptions.withdraw(session) }
        flows.release(session)
    }

    /// Changes what `session` wants.
    ///
    /// - Returns: the events in force now.
    func change(
        _ session: AddonSession,
        _ body: (inout AddonTerms) throws(ProtocolError) -> Void
    )
        throws(ProtocolError) -> [String]
    {
        try state.withLock { state throws(ProtocolError) in
            guard let index = state.members.firstIndex(where: { $0.session === session }) else { return [] }
            var members = state.members
            try body(&members[index].terms)
            update(&state, members)
            return members[index].terms.eventNames
        }
    }

    func rights(of session: AddonSession) -> AddonRights {
        AddonRights(session.identity, session.spec, options.current)
    }

    func terms(of session: AddonSession) -> AddonTerms? {
        state.withLock { $0.members.first { $0.session === session }?.terms }
    }

    private func update(_ state: inout State, _ members: [Member]) {
        state.members = members
        plan.change { $0 = DispatchPlan(members.map { ($0.session, $0.terms) }) }
    }

    private static func uniqueName(_ name: String, among members: [Member]) -> String {
        let taken = Set(members.map(\.session.name))
        guard taken.contains(name) else { return name }
        return (2...).lazy.map { "\(name)#\($0)" }.first { !taken.contains($0) } ?? name
    }

    // MARK: Lifecycle

    /// Sends `start` and `configure`, then lets the events through; an addon that answers neither is let go.
    func start(_ session: AddonSession) async {
        let timeout = terms(of: session)?.timeoutMilliseconds ?? options.current.timeoutMs
        let limit = TimeAmount.milliseconds(Int64(timeout))
        let start = await session.request("start", params: .object([]), within: limit)
        guard isAnswered(start, "start", session), await replace(session, start, within: limit) else {
            return session.channel.close()
        }
        let configure = await session.request("configure", params: configuration(for: session), within: limit)
        guard isAnswered(configure, "configure", session) else { return session.channel.close() }
        session.becomeReady()
        tick(session)
        if state.withLock({ $0.isRunning }), terms(of: session)?.byEvent[.running] != nil {
            session.notify(.running, [UInt8(ascii: "{")])
        }
        log.info("ready: \(terms(of: session)?.eventNames.joined(separator: ", ") ?? "")", source: session.source)
    }

    /// Gives an addon whose answer to `start` holds a new registration that one, and sends `start` once more.
    ///
    /// - Returns: whether the addon may go on.
    private func replace(_ session: AddonSession, _ start: EventReply, within limit: TimeAmount) async -> Bool {
        guard case .result(let reply) = start, let replacement = reply["replace"], !replacement.isNull else {
            return true
        }
        do throws(ProtocolError) {
            let named = replacement["name"] == nil ? [JSONValue.Member("name", .string(session.name))] : []
            try replace(session, try Registration(params: .object((replacement.members ?? []) + named)))
        } catch {
            log.error("answered start with a registration that is refused: \(error.message)", source: session.source)
            return false
        }
        return isAnswered(await session.request("start", params: .object([]), within: limit), "start", session)
    }

    /// Makes `registration` the addon's, in the same place of the chain and under the same name.
    private func replace(_ session: AddonSession, _ registration: Registration) throws(ProtocolError) {
        var registration = registration
        registration.order = session.registration.order
        let terms = try AddonTerms(registration, session.spec, rights(of: session), options.current)
        try state.withLock { state throws(ProtocolError) in
            guard let index = state.members.firstIndex(where: { $0.session === session }) else { return }
            try Self.check(registration.commands, of: session, among: state.members.map(\.session))
            try addonOptions.declare(registration.options, by: session)
            session.take(registration, options.current)
            var members = state.members
            members[index].terms = terms
            update(&state, members)
        }
    }

    /// An error reply is an answer, that of an addon that does not care for this event.
    private func isAnswered(_ reply: EventReply, _ event: String, _ session: AddonSession) -> Bool {
        switch reply {
        case .result:
            return true
        case .failure(.error(let error)) where error.code == ProtocolError.methodNotFound:
            return true
        case .failure(.error(let error)):
            log.warn("answered \(event) with an error: \(error.message)", source: session.source)
            return true
        case .failure(let failure):
            log.error("did not answer \(event): \(failure); the connection is closed", source: session.source)
            return false
        case .interrupted:
            return false
        }
    }

    /// Ticks follow from the terms: they run for whoever subscribed.
    func tick(_ session: AddonSession) {
        let wants = terms(of: session)?.byEvent[.tick] != nil
        session.tick(every: wants ? options.current.tickIntervalMs : nil)
    }

    /// The listeners are up.
    func announceRunning() {
        state.withLock { $0.isRunning = true }
        guard let route = plan.current[.running] else { return }
        for subscriber in route.observing { subscriber.session.notify(.running, [UInt8(ascii: "{")]) }
    }

    /// Sends every addon its `done`, and waits until they have answered or their time is over.
    func leave(reason: String) async {
        let leaving = state.withLock { state in
            state.isClosing = true
            return state.members.map(\.session)
        }
        await withTaskGroup(of: Void.self) { group in
            for session in leaving {
                group.addTask {
                    await withUnsafeContinuation { continuation in
                        session.loop.start {
                            await session.leave(reason: reason)
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }

    // MARK: Log

    /// Sends an entry to whoever subscribed, of an addon's processes to one, but not to the addon that wrote it or that
    /// it is about.
    func broadcast(_ entry: LogEntry) {
        guard let route = plan.current[.log] else { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("entry")
        writer.beginObject()
        writer.field("level", entry.level.rawValue)
        writer.field("msg", entry.msg)
        writer.field("timestamp", entry.timestamp)
        writer.field("source", entry.source)
        writer.field("flow", entry.flow)
        writer.endObject()
        var told = sessions.filter { $0.source == entry.source }
        for session in route.observing.map(\.session) where !told.contains(where: session.isOneAddon) {
            session.notify(.log, writer.bytes)
            told.append(session)
        }
    }
}
