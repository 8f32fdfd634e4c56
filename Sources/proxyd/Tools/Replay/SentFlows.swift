import AddonProtocol
import AddonSDK
import Synchronization

/// The flows that the daemon was asked to send and that have not ended.
final class SentFlows: Sendable {
    private typealias Waiting = CheckedContinuation<JSONValue?, Never>

    private struct State {
        var waiting: [String: Waiting] = [:]
        /// Flows that ended before anybody waited for them. Other programs that send requests end up here too.
        var early: [String: JSONValue] = [:]
        var isLost = false
    }

    /// The most flows remembered in `early`.
    private static let maximumEarly = 1_024

    private let state = Mutex(State())

    /// Observes the ends of flows without a client.
    static let subscriptions: [Subscription] = [Event.response, .error].map { event in
        Subscription(
            event: event,
            mode: .observe,
            body: .none,
            exclude: ["request.headers", "response.headers", "server_conn", "metadata"],
            filter: "! ~src ."
        )
    }

    /// - Returns: whether notifications were dropped, which may include the ends of some flows.
    func receive(_ call: IncomingCall) -> Bool {
        guard let flow = call.params["flow"]?.value, let id = flow["id"]?.stringValue else {
            return call.method == "dropped"
        }
        end(id, flow)
        return false
    }

    /// Waits until the flow has ended.
    ///
    /// - Returns: the flow at its end; nil when the daemon is gone.
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

    /// Asks the daemon about each pending flow, in case its end went unseen.
    func ask(_ daemon: Daemon) async {
        for id in state.withLock({ Array($0.waiting.keys) }) {
            let flow = try? await daemon.call(.flowGet, ["id": .string(id)])["flow"]
            let error: JSONValue = ["kind": "unknown", "msg": "the daemon no longer knows it"]
            let now = flow ?? ["id": .string(id), "type": "http", "error": error]
            if now["error"]?.isNull == false || now["response"]?["timestamp_end"]?.doubleValue != nil { end(id, now) }
        }
    }

    /// Gives up on all flows, since the daemon is gone.
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
