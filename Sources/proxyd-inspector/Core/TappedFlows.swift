import AddonProtocol
import Synchronization

/// Finds the flow that each frame of a tap is about: an answer does not name it, but its request did. Nor does every event
/// contain the URL.
final class TappedFlows: Sendable {
    private struct State {
        /// The flow of each pending request.
        var asked: [String: JSONValue] = [:]
        /// The URLs by flow id.
        var urls: [String: JSONValue] = [:]
    }

    /// The most that are remembered of each; beyond it all are forgotten.
    private static let limit = 10_000

    private let state = Mutex(State())

    /// The tap's notification with `flow` {`id`, `url`} added; null when the frame is about no flow.
    func named(_ frame: JSONValue) -> JSONValue { frame.setting("flow", flow(of: frame) ?? .null) }

    private func flow(of frame: JSONValue) -> JSONValue? {
        let message = frame["message"] ?? .null
        let isQuestion = message["method"] != nil
        // The daemon and the addon number their requests independently.
        let isOfDaemons = (frame["direction"] == "daemon") == isQuestion
        let question = message["id"].map { id in
            "\(frame["addon"]?.stringValue ?? "") \(isOfDaemons) \(String(decoding: id.encoded(), as: UTF8.self))"
        }
        return state.withLock { state in
            guard isQuestion else { return question.flatMap { state.asked.removeValue(forKey: $0) } }
            guard let flow = message["params"]?["flow"], let id = flow["id"]?.stringValue else { return nil }
            let request = flow["request"] ?? flow["handshake_flow"]?["request"]
            if state.asked.count >= Self.limit || state.urls.count >= Self.limit { state = State() }
            if let url = request?["url"] { state.urls[id] = url }
            let named: JSONValue = ["id": .string(id), "url": state.urls[id] ?? .null]
            if let question { state.asked[question] = named }
            return named
        }
    }
}
