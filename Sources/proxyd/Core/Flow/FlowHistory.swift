import NIOCore
import Synchronization

/// The flows that ended last, of all loops, so that they can still be looked at and replayed.
///
/// Bounded by the options `flow_history` and `flow_history_size`. A flow is touched on its own loop alone.
final class FlowHistory: Sendable {
    struct Entry: Sendable {
        let flow: any LiveFlow
        let loop: LoopContext
        let id: String
        /// Of bodies.
        let byteCount: Int
    }

    private struct State {
        var entries = CircularBuffer<Entry>()
        var byteCount = 0
    }

    private let state = Mutex(State())

    /// Called on the flow's loop, after its last event.
    ///
    /// - Parameter byteLimit: a flow whose bodies alone are larger is kept without them.
    func add(_ flow: any LiveFlow, on loop: LoopContext, limit: Int, byteLimit: Int) {
        if flow.heldBytes > byteLimit { flow.forgetBodies() }
        let entry = Entry(flow: flow, loop: loop, id: flow.id, byteCount: flow.heldBytes)
        state.withLock { state in
            state.entries.append(entry)
            state.byteCount += entry.byteCount
            while state.entries.count > limit || state.byteCount > byteLimit, let oldest = state.entries.popFirst() {
                state.byteCount -= oldest.byteCount
            }
        }
    }

    func entry(_ id: String) -> Entry? {
        state.withLock { $0.entries.last { $0.id == id } }
    }

    var entries: [Entry] { state.withLock { Array($0.entries) } }
}
