import NIOCore
import Synchronization

/// The flows that ended last on one loop. Only that loop adds to it; others may make it forget.
final class FlowHistoryPart: Sendable {
    struct Entry: Sendable {
        let flow: any LiveFlow
        let id: String
        /// When, in nanoseconds; those of one loop grow.
        let ended: UInt64
        /// Of bodies or messages, metadata and comments.
        var byteCount: Int
    }

    private struct State {
        var entries = CircularBuffer<Entry>()
        var byteCount = 0
        var lastEnded: UInt64 = 0
        /// How many were added since the whole history was trimmed.
        var untrimmed = 0
    }

    private let state = Mutex(State())
    /// What the state says, for readers that do not wait.
    private let publishedByteCount = Atomic(0)
    private let publishedCount = Atomic(0)

    var byteCount: Int { publishedByteCount.load(ordering: .relaxed) }
    var count: Int { publishedCount.load(ordering: .relaxed) }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            defer {
                publishedByteCount.store(state.byteCount, ordering: .relaxed)
                publishedCount.store(state.entries.count, ordering: .relaxed)
            }
            return body(&state)
        }
    }

    /// - Returns: how many were added since `isTrimmed` was called.
    func add(_ flow: any LiveFlow, byteCount: Int) -> Int {
        change { state in
            state.lastEnded = max(NIODeadline.now().uptimeNanoseconds, state.lastEnded + 1)
            state.entries.append(Entry(flow: flow, id: flow.id, ended: state.lastEnded, byteCount: byteCount))
            state.byteCount += byteCount
            state.untrimmed += 1
            return state.untrimmed
        }
    }

    func isTrimmed() {
        state.withLock { $0.untrimmed = 0 }
    }

    /// - Returns: whether the flow is here.
    func recount(_ flow: any LiveFlow) -> Bool {
        let bytes = flow.memoryUse.total
        return change { state in
            guard let index = state.entries.firstIndex(where: { $0.flow === flow }) else { return false }
            state.byteCount += bytes - state.entries[index].byteCount
            state.entries[index].byteCount = bytes
            return true
        }
    }

    /// - Returns: how many of these there were.
    func forget(_ ids: Set<String>) -> Int {
        change { state in
            let before = state.entries.count
            state.entries.removeAll { ids.contains($0.id) }
            state.byteCount = state.entries.reduce(0) { $0 + $1.byteCount }
            return before - state.entries.count
        }
    }

    /// Forgets what ended at this time or before.
    func forget(through time: UInt64) {
        guard count > 0 else { return }
        change { state in
            while let oldest = state.entries.first, oldest.ended <= time {
                state.byteCount -= oldest.byteCount
                state.entries.removeFirst()
            }
        }
    }

    /// When the oldest ended and what they keep, of so many at most.
    func oldest(_ most: Int) -> [(ended: UInt64, byteCount: Int)] {
        state.withLock { $0.entries.prefix(most).map { ($0.ended, $0.byteCount) } }
    }

    func flow(_ id: String) -> (any LiveFlow)? {
        state.withLock { $0.entries.last { $0.id == id }?.flow }
    }

    var flows: [any LiveFlow] { state.withLock { $0.entries.map(\.flow) } }
}
