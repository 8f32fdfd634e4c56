import AddonProtocol
import NIOCore
import Synchronization

/// The unreported changes in the flows of one loop. Confined to that loop.
///
/// For an active flow, only the fact of a change is recorded; its row is made when it is reported. The row of a
/// finished flow is made at once, since the flow may be forgotten before the report.
final class FlowChanges: @unchecked Sendable {
    /// What is reported of one flow.
    struct Row: Sendable {
        let json: JSONValue
        /// The watchers to report to.
        let watchers: [ObjectIdentifier]

        /// Nil when no watcher wants the flow.
        init?(of flow: any LiveFlow, for watchers: [FlowWatcher]) {
            self.watchers = watchers.filter { $0.wants(flow) }.map(\.id)
            guard !self.watchers.isEmpty else { return nil }
            json = flow.summary.json
        }
    }

    /// What is reported at once.
    struct Taken: Sendable {
        let changed: [any LiveFlow]
        let ended: [Row]
        /// Whether rows were dropped.
        let isIncomplete: Bool
    }

    /// Whether there are any watchers.
    private(set) var isWatched = false
    private var watchers: [FlowWatcher] = []
    private var changed: [String: any LiveFlow] = [:]
    private var ended: [Row] = []
    private var endedBytes = 0
    private var isIncomplete = false
    private let sequence: FlowSequence
    private let memory: MemoryLedger

    init(_ sequence: FlowSequence, _ memory: MemoryLedger) {
        self.sequence = sequence
        self.memory = memory
    }

    /// Sets the watchers.
    func watch(_ watchers: [FlowWatcher]) {
        self.watchers = watchers
        isWatched = !watchers.isEmpty
        if !isWatched {
            _ = take()
            changed = [:]
        }
    }

    /// Notes that an active flow has changed.
    func note(_ flow: any LiveFlow) {
        guard flow.control.isLive else { return noteEnd(of: flow) }
        flow.control.changedAt = sequence.advance()
        changed[flow.id] = flow
    }

    /// Notes that a flow has ended, or that a finished flow has changed.
    func noteEnd(of flow: any LiveFlow) {
        flow.control.changedAt = sequence.advance()
        changed[flow.id] = nil
        guard let row = Row(of: flow, for: watchers) else { return }
        let bytes = row.json.memoryByteCount
        guard endedBytes + bytes <= Limits.endedRowBytes else {
            isIncomplete = true
            return
        }
        ended.append(row)
        endedBytes += bytes
        memory.add(bytes, .notifications)
    }

    /// Takes the changes to report now. If very many active flows have changed, some are left for the next time.
    func take() -> Taken {
        let some = Array(changed.values.prefix(Limits.changedRows))
        for flow in some { changed[flow.id] = nil }
        defer {
            memory.add(-endedBytes, .notifications)
            (ended, endedBytes, isIncomplete) = ([], 0, false)
        }
        return Taken(changed: some, ended: ended, isIncomplete: isIncomplete)
    }
}

/// A watcher of flows: which flows it watches, and what is hidden from it.
struct FlowWatcher: Sendable {
    let session: AddonMailbox
    let filter: AddonFilter?
    let redaction: Redaction?

    var id: ObjectIdentifier { ObjectIdentifier(session) }

    /// Whether the flow matches the watcher's filter, or may match it.
    func wants(_ flow: any LiveFlow) -> Bool { filter?.matches(any: flow) ?? true }
}

/// The number of the last change of any flow. It only grows while there are watchers.
final class FlowSequence: Sendable {
    private let number = Atomic(0)

    var current: Int { number.load(ordering: .sequentiallyConsistent) }

    /// - Returns: the number of a change that is happening now.
    func advance() -> Int { number.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue }
}
