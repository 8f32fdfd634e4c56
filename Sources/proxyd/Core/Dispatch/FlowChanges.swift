import AddonProtocol
import NIOCore
import Synchronization

/// What has changed in the flows of one loop and is not told yet; confined to that loop.
///
/// Of a flow under way it is known that it has changed; its row is made when it is told. One that ends may be forgotten
/// before that, so its row is made at once.
final class FlowChanges: @unchecked Sendable {
    struct Row: Sendable {
        let json: JSONValue
        /// Who is to be told.
        let watchers: [ObjectIdentifier]

        /// Nil when nobody is to be told of the flow.
        init?(of flow: any LiveFlow, for watchers: [FlowWatcher]) {
            self.watchers = watchers.filter { $0.wants(flow) }.map(\.id)
            guard !self.watchers.isEmpty else { return nil }
            json = flow.summary.json
        }
    }

    struct Taken: Sendable {
        let changed: [any LiveFlow]
        let ended: [Row]
        /// Whether rows were left out.
        let isIncomplete: Bool
    }

    /// Whether anybody watches.
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

    func watch(_ watchers: [FlowWatcher]) {
        self.watchers = watchers
        isWatched = !watchers.isEmpty
        if !isWatched {
            _ = take()
            changed = [:]
        }
    }

    func note(_ flow: any LiveFlow) {
        guard flow.control.isLive else { return noteEnd(of: flow) }
        flow.control.changedAt = sequence.advance()
        changed[flow.id] = flow
    }

    /// A flow has ended, or one that had has changed.
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

    /// What is to be told now. Of very many flows under way some are left for the next time.
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

/// Who watches flows, which, and what of them is hidden.
struct FlowWatcher: Sendable {
    let session: AddonMailbox
    let filter: AddonFilter?
    let redaction: Redaction?

    var id: ObjectIdentifier { ObjectIdentifier(session) }

    func wants(_ flow: any LiveFlow) -> Bool { filter?.matches(any: flow) ?? true }
}

/// The number of the last change of any flow; it grows only while somebody watches.
final class FlowSequence: Sendable {
    private let number = Atomic(0)

    var current: Int { number.load(ordering: .sequentiallyConsistent) }

    /// - Returns: the number of a change that happens now.
    func advance() -> Int { number.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue }
}
