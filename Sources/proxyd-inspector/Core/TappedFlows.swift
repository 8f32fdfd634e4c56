import AddonProtocol
import Synchronization

/// Which flow each frame of a tap is about: an answer does not say it, but what it answers did. Nor does every event tell
/// the URL.
final class TappedFlows: Sendable {
    private struct State {
        /// The flow of each question that is open.
        var asked: [String: JSONValue] = [:]
        /// By the id of the flow.
        var urls: [String: JSONValue] = [:]
    }

    /// Of each that are remembered; beyond it all are forgotten.
    private static let limit = 10_000

    private let state = Mutex(State())

    /// The notification of a tap with `flow` {`id`, `url`} beside its `message`; null where it is about none.
    func named(_ frame: JSONValue) -> JSONValue { frame.setting("flow", flow(of: frame) ?? .null) }

    private func flow(of frame: JSONValue) -> JSONValue? {
        let message = frame["message"] ?? .null
        let isQuestion = message["method"] != nil
        // The ids of the daemon's questions and those of the addon's are apart.
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
