import AddonProtocol
import AddonSDK
import Synchronization

/// Flows that the daemon was asked to send, until they have ended.
final class SentFlows: Sendable {
    private typealias Waiting = CheckedContinuation<JSONValue?, Never>

    private struct State {
        var waiting: [String: Waiting] = [:]
        /// What ended before anybody waited for it, by what else sends requests of its own too.
        var early: [String: JSONValue] = [:]
        var isLost = false
    }

    /// So many that nobody waits for are remembered.
    private static let maximumEarly = 1_024

    private let state = Mutex(State())

    /// The ends of flows that have no client, to be told of and no more.
    static let subscriptions: [Subscription] = [Event.response, .error].map { event in
        Subscription(
            event: event,
            mode: .observe,
            body: .none,
            exclude: ["request.headers", "response.headers", "server_conn", "metadata"],
            filter: "! ~src ."
        )
    }

    /// - Returns: whether notifications were left out, so that the ends of some flows may be among them.
    func receive(_ call: IncomingCall) -> Bool {
        guard let flow = call.params["flow"]?.value, let id = flow["id"]?.stringValue else {
            return call.method == "dropped"
        }
        end(id, flow)
        return false
    }

    /// Waits until the flow has ended.
    ///
    /// - Returns: what it was then; nil when the daemon has gone.
    func end(of id: String) async -> JSONValue? {
        await withCheckedContinuation { continuation in
            let ended = state.withLock { state -> JSONValue?? in
                if let flow = state.early.removeValue(forKey: id) { return flow }
                if state.isLost { return .some(nil) }
                state.waiting[id] = continuation
                return nil
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }

    /// Asks the daemon of each flow that is waited for whether it has ended unseen.
    func ask(_ daemon: Daemon) async {
        for id in state.withLock({ Array($0.waiting.keys) }) {
            let flow = try? await daemon.call(.flowGet, ["id": .string(id)])["flow"]
            let error: JSONValue = ["kind": "unknown", "msg": "the daemon no longer knows it"]
            let now = flow ?? ["id": .string(id), "type": "http", "error": error]
            if now["error"]?.isNull == false || now["response"]?["timestamp_end"]?.doubleValue != nil { end(id, now) }
        }
    }

    /// The daemon has gone, and nothing ends any more.
    func lose() {
        let waiting = state.withLock { state in
            state.isLost = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume(returning: nil) }
    }

    private func end(_ id: String, _ flow: JSONValue) {
        let continuation = state.withLock { state -> Waiting? in
            if let continuation = state.waiting.removeValue(forKey: id) { return continuation }
            if state.early.count >= Self.maximumEarly { state.early = [:] }
            state.early[id] = flow
            return nil
        }
        continuation?.resume(returning: flow)
    }
}
