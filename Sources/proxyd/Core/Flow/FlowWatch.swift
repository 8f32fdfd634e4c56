import AddonProtocol
import NIOCore
import Synchronization

/// The watchers of flows, and what each has been told: the `flows` notifications of the protocol.
///
/// Each loop records its changes (`FlowChanges`). The watchers are told of them ten times a second.
final class FlowWatch: Sendable {
    typealias Watcher = FlowWatcher

    private struct State {
        var watchers: [Watcher] = []
        /// The number of the last change that each watcher has been told of.
        var told: [ObjectIdentifier: Int] = [:]
        /// The change since which somebody has been watching.
        var since = 0
        var isTelling = false
        var hasEnded = false
    }

    let sequence = FlowSequence()
    private let state = Mutex(State())
    /// Keeps new watchers waiting while others are told.
    private let turns = Turns()

    /// Starts to notify a session, which replaces its earlier subscription.
    ///
    /// - Returns: the number of the last change before the start, and the change since which all are known.
    func start(_ watcher: Watcher, on loops: [FlowLoop]) async -> (sequence: Int, since: Int) {
        let (now, since, tells) = await turns.take { (await self.add(watcher, on: loops), {}) }
        if tells { loops[0].start { await self.tell(on: loops) } }
        return (now, since)
    }

    private func add(_ watcher: Watcher, on loops: [FlowLoop]) async -> (Int, Int, tells: Bool) {
        let isFirst = state.withLock { state in
            let others = state.watchers.filter { $0.id != watcher.id }
            defer { state.watchers = others + [watcher] }
            return state.watchers.isEmpty
        }
        await share(with: loops)
        let now = isFirst ? sequence.advance() : sequence.current
        return state.withLock { state in
            if isFirst { state.since = now }
            state.told[watcher.id] = now
            defer { state.isTelling = true }
            return (now, state.since, !state.isTelling)
        }
    }

    func stop(_ session: AddonMailbox) {
        state.withLock { state in
            state.watchers.removeAll { $0.session === session }
            state.told[ObjectIdentifier(session)] = nil
        }
    }

    /// Applies the present rights of each session.
    func renew(_ rights: (AddonMailbox) -> AddonRights) {
        state.withLock { state in
            state.watchers = state.watchers.compactMap { watcher in
                let rights = rights(watcher.session)
                guard rights.allow(.flowSubscribe) else { return nil }
                var filter = watcher.filter
                filter?.redaction = rights.redaction
                return Watcher(session: watcher.session, filter: filter, redaction: rights.redaction)
            }
        }
    }

    private func share(with loops: [FlowLoop]) async {
        for loop in loops {
            await loop.run { loop in loop.changes.watch(self.state.withLock { $0.watchers }) }
        }
    }

    // MARK: Reporting

    /// Tells the watchers what has changed, repeatedly as long as there are any.
    private func tell(on loops: [FlowLoop]) async {
        await turns.take {
            if self.keepsTelling() {
                await self.share(with: loops)
                await self.tellOnce(loops)
                loops[0].eventLoop.scheduleTask(in: Limits.watchInterval) {
                    loops[0].start { await self.tell(on: loops) }
                }
            } else if !self.hasEnded {
                await self.share(with: loops)
            }
            return ((), {})
        }
    }

    private func keepsTelling() -> Bool {
        state.withLock { state in
            state.isTelling = !state.watchers.isEmpty && !state.hasEnded
            return state.isTelling
        }
    }

    private var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Stops telling, so that the loops may end.
    func end() async {
        state.withLock { $0.hasEnded = true }
        await turns.take { ((), {}) }
    }

    private func tellOnce(_ loops: [FlowLoop]) async {
        let (watchers, told) = state.withLock { ($0.watchers, $0.told) }
        let number = sequence.current
        guard told.values.contains(where: { $0 != number }) else { return }
        var rows: [FlowChanges.Row] = []
        var isIncomplete = false
        for loop in loops {
            let taken = await loop.run { $0.changes.take() }
            isIncomplete = isIncomplete || taken.isIncomplete
            rows += taken.ended
            rows += await loop.compactMap(taken.changed) { FlowChanges.Row(of: $0, for: watchers) }
        }
        for watcher in watchers {
            let own = rows.filter { $0.watchers.contains(watcher.id) }.map(\.json)
            guard !own.isEmpty || isIncomplete, let last = told[watcher.id] else { continue }
            watcher.tell(own, number, after: isIncomplete ? number : last)
            state.withLock { state in
                // The watcher may have stopped in the meantime.
                if state.told[watcher.id] != nil { state.told[watcher.id] = number }
            }
        }
    }
}

extension FlowWatcher {
    fileprivate func tell(_ rows: [JSONValue], _ number: Int, after last: Int) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("seq")
        writer.integer(number)
        writer.key("after")
        writer.integer(last)
        writer.key("flows")
        writer.value(redaction?.redacted(.array(rows)) ?? .array(rows))
        session.notifyControl("flows", writer.bytes)
    }
}
