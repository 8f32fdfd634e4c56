import AddonProtocol
import NIOCore
import Synchronization

/// How addons start, and what all of them are told.
extension AddonHost {
    // MARK: Lifecycle

    /// Sends `start` and `configure`, then lets events through. An addon that does not answer them is disconnected.
    func start(_ session: AddonSession) async {
        let timeout = terms(of: session)?.timeoutMilliseconds ?? options.current.timeoutMs
        let limit = TimeAmount.milliseconds(Int64(timeout))
        let start = await session.request("start", params: .object([]), within: limit)
        guard isAnswered(start, "start", session), await replace(session, start, within: limit) else {
            return session.channel.close()
        }
        var changed: [String]?
        repeat {
            let params = configuration(changed, for: session)
            let configure = await session.request("configure", params: params, within: limit)
            guard isAnswered(configure, "configure", session) else { return session.channel.close() }
            changed = missedOptions(of: session)
        } while changed != nil
        session.becomeReady()
        tick(session)
        resumeIfReady()
        let events = terms(of: session)?.eventNames ?? []
        log.info("ready: \(events.isEmpty ? "no events" : events.joined(separator: ", "))", source: session.source)
    }

    /// The options that changed since the addon was last told; nil when there are none. In that case the addon is now
    /// ready, and is told of changes as they happen.
    private func missedOptions(of session: AddonSession) -> [String]? {
        let (missed, listeners) = state.withLock { state -> ([String], (@Sendable () -> JSONValue)?) in
            let place = state.members.firstIndex { $0.session === session }
            guard let index = place else { return ([], nil) }
            defer { state.members[index].missedOptions = [] }
            let missed = state.members[index].missedOptions.sorted()
            if missed.isEmpty { becomeReady(index, &state) }
            let isTold = missed.isEmpty && state.members[index].terms.byEvent[.running] != nil
            return (missed, isTold ? state.listeners : nil)
        }
        if let listeners { session.notify(.running, Self.running(listeners())) }
        return missed.isEmpty ? nil : missed
    }

    /// From now on, only the addon's own terms apply.
    private func becomeReady(_ index: Int, _ state: inout State) {
        state.members[index].isReady = true
        guard state.members[index].former != nil else { return }
        state.members[index].former = nil
        update(&state, state.members)
    }

    /// The addons to tell of a change now. Those that are starting are told before they become ready.
    func sessionsToConfigure(_ updated: [String]) -> [AddonSession] {
        state.withLock { state in
            for index in state.members.indices where !state.members[index].isReady {
                state.members[index].missedOptions.formUnion(updated)
            }
            return state.members.filter(\.isReady).compactMap(\.session)
        }
    }

    // MARK: Waiting for addons

    /// Waits until every declared addon is ready or the time is over. Returns the names of those that are not ready.
    func waitForDeclared(within time: TimeAmount, on eventLoop: any EventLoop) async -> [String] {
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                guard !state.missing.isEmpty, !state.waitsForNone else { return false }
                state.awaiting.append(continuation)
                return true
            }
            guard isWaiting else { return continuation.resume() }
            eventLoop.scheduleTask(in: time) { self.resumeWaiting() }
        }
        return state.withLock { $0.missing }
    }

    /// Ends all waits for declared addons, now and in future.
    func stopWaiting() {
        state.withLock { $0.waitsForNone = true }
        resumeWaiting()
    }

    /// Resumes those that wait for the declared addons, if all are ready now.
    func resumeIfReady() {
        if state.withLock({ $0.missing.isEmpty }) { resumeWaiting() }
    }

    private func resumeWaiting() {
        let waiting = state.withLock { state in
            defer { state.awaiting = [] }
            return state.awaiting
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: Changing the registration

    /// If the addon's answer to `start` contains a new registration, applies it and sends `start` again.
    ///
    /// - Returns: whether the addon may continue.
    private func replace(_ session: AddonSession, _ start: EventReply, within limit: TimeAmount) async -> Bool {
        guard case .result(let reply) = start, let replacement = reply.json["replace"], !replacement.isNull else {
            return true
        }
        do throws(ProtocolError) {
            let named = replacement["name"] == nil ? [JSONValue.Member("name", .string(session.name))] : []
            try replace(session, try Registration(params: .object((replacement.members ?? []) + named)))
        } catch {
            log.error("answered start with an invalid registration: \(error.message)", source: session.source)
            return false
        }
        return isAnswered(await session.request("start", params: .object([]), within: limit), "start", session)
    }

    /// Replaces the addon's registration. Its place in the chain and its name stay.
    private func replace(_ session: AddonSession, _ registration: Registration) throws(ProtocolError) {
        var registration = registration
        registration.order = session.registration.order
        try state.withLock { state throws(ProtocolError) in
            let terms = try AddonTerms(registration, session.spec, rights(of: session), options.current)
            guard let index = state.members.firstIndex(where: { $0.session === session }) else { return }
            try Self.check(registration.commands, of: session, among: state.members.compactMap(\.session))
            try addonOptions.declare(registration.options, by: session)
            session.take(registration, options.current)
            var members = state.members
            members[index].terms = terms
            update(&state, members)
        }
    }

    /// An error is an answer, too: it comes from an addon that does not handle this event.
    private func isAnswered(_ reply: EventReply, _ event: String, _ session: AddonSession) -> Bool {
        switch reply {
        case .result:
            return true
        case .failure(.error(let error)) where error.code == ProtocolError.methodNotFound:
            return true
        case .failure(.error(let error)):
            log.warn("answered \(event) with an error: \(error.message)", source: session.source)
            return true
        case .failure(.lost) where session.hasSaidGoodbye:
            return false
        case .failure(let failure):
            log.error("did not answer \(event): \(failure); closing the connection", source: session.source)
            return false
        case .interrupted:
            return false
        }
    }

    /// Starts or stops ticks, depending on whether the terms include them.
    func tick(_ session: AddonSession) {
        let wants = terms(of: session)?.byEvent[.tick] != nil
        session.tick(every: wants ? options.current.tickIntervalMs : nil)
    }

    /// Announces that the listeners are up.
    ///
    /// - Parameter listeners: returns those that are up at the time of the call.
    func announceRunning(_ listeners: @escaping @Sendable () -> JSONValue) {
        let ready = state.withLock { state in
            state.listeners = listeners
            return state.members.filter { $0.isReady && $0.terms.byEvent[.running] != nil }
        }
        guard !ready.isEmpty else { return }
        let members = Self.running(listeners())
        for member in ready { member.seat.notify(.running, members) }
    }

    private static func running(_ listeners: JSONValue) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("listeners")
        writer.value(listeners)
        return writer.bytes
    }

    /// Sends `done` to every addon, and waits until they have answered or run out of time.
    func leave(reason: String) async {
        let leaving = state.withLock { state in
            state.isClosing = true
            return state.members.compactMap(\.session)
        }
        await withTaskGroup(of: Void.self) { group in
            for session in leaving {
                group.addTask { await session.end(reason: reason) }
            }
        }
    }

    // MARK: Log

    /// Sends a log entry to the subscribers, once per addon, except to the addon that wrote it or that it is about.
    func broadcast(_ entry: LogEntry) {
        let observers = observers(of: .log)
        guard !observers.isEmpty else { return }
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
        var told: [AddonMailbox] = sessions.filter { $0.source == entry.source }
        for session in observers where !told.contains(where: session.isOneAddon) {
            session.notify(.log, writer.bytes)
            told.append(session)
        }
    }
}

extension AddonHost.State {
    /// The declared addons that are not ready and worth waiting for.
    fileprivate var missing: [String] {
        members.filter { $0.spec != nil && !$0.isReady && !($0.isNotAwaited && !$0.terms.isBinding) }.map(\.seat.name)
    }
}
