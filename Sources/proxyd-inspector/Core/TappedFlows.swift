import AddonProtocol
import Synchronization

/// Which flow each frame of a tap is about: an answer does not say it, but what it answers did.
final class TappedFlows: Sendable {
    /// Questions that may be open at the same time; beyond it none of them is remembered.
    private static let limit = 10_000

    private let asked = Mutex<[String: JSONValue]>([:])

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
        return asked.withLock { asked in
            guard isQuestion else { return question.flatMap { asked.removeValue(forKey: $0) } }
            guard let flow = message["params"]?["flow"], let id = flow["id"] else { return nil }
            let request = flow["request"] ?? flow["handshake_flow"]?["request"]
            let named: JSONValue = ["id": id, "url": request?["url"] ?? .null]
            if asked.count >= Self.limit { asked = [:] }
            if let question { asked[question] = named }
            return named
        }
    }
}
