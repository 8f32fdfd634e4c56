import NIOCore
import Synchronization

/// The most recently finished flows of all loops, which can still be inspected and replayed.
///
/// Bounded by the options `flow_history` and `flow_history_size`. A flow is touched on its own loop alone.
final class FlowHistory: ForgettableMemory {
    struct Entry: Sendable {
        let flow: any LiveFlow
        let loop: FlowLoop
        let id: String
        /// Of bodies or messages, metadata and comments.
        var byteCount: Int
    }

    private struct State {
        var entries = CircularBuffer<Entry>()
        var byteCount = 0

        /// - Returns: whether there was one.
        mutating func forgetOldest() -> Bool {
            guard let oldest = entries.popFirst() else { return false }
            byteCount -= oldest.byteCount
            return true
        }
    }

    private let state = Mutex(State())
    /// What the state says, for readers that do not wait.
    private let publishedByteCount = Atomic(0)

    var byteCount: Int { publishedByteCount.load(ordering: .relaxed) }

    /// Adds a flow. Called on its loop, after its last event.
    ///
    /// - Parameter byteLimit: a flow whose bodies alone are larger is kept without them.
    func add(_ flow: any LiveFlow, on loop: FlowLoop, limit: Int, byteLimit: Int) {
        var use = flow.memoryUse
        if use.content > byteLimit {
            flow.forgetBodies()
            use.content = 0
        }
        let entry = Entry(flow: flow, loop: loop, id: flow.id, byteCount: use.total)
        state.withLock { state in
            state.entries.append(entry)
            state.byteCount += entry.byteCount
            while state.entries.count > limit || state.byteCount > byteLimit, state.forgetOldest() {}
            publishedByteCount.store(state.byteCount, ordering: .relaxed)
        }
    }

    /// A flow in it has changed how much it keeps.
    func recount(_ flow: any LiveFlow, byteLimit: Int) {
        let bytes = flow.memoryUse.total
        state.withLock { state in
            guard let index = state.entries.firstIndex(where: { $0.flow === flow }) else { return }
            state.byteCount += bytes - state.entries[index].byteCount
            state.entries[index].byteCount = bytes
            while state.byteCount > byteLimit, state.forgetOldest() {}
            publishedByteCount.store(state.byteCount, ordering: .relaxed)
        }
    }

    /// - Returns: how many of these flows there were.
    func forget(_ ids: Set<String>) -> Int {
        state.withLock { state in
            let before = state.entries.count
            state.entries.removeAll { ids.contains($0.id) }
            state.byteCount = state.entries.reduce(0) { $0 + $1.byteCount }
            publishedByteCount.store(state.byteCount, ordering: .relaxed)
            return before - state.entries.count
        }
    }

    /// Frees memory by forgetting the oldest flows.
    ///
    /// - Returns: whether at least `bytes` were freed.
    func forget(atLeast bytes: Int) -> Bool {
        guard byteCount >= bytes else { return false }
        return state.withLock { state in
            let wanted = state.byteCount - bytes
            guard wanted >= 0 else { return false }
            while state.byteCount > wanted, state.forgetOldest() {}
            publishedByteCount.store(state.byteCount, ordering: .relaxed)
            return true
        }
    }

    func entry(_ id: String) -> Entry? {
        state.withLock { $0.entries.last { $0.id == id } }
    }

    var entries: [Entry] { state.withLock { Array($0.entries) } }
}
