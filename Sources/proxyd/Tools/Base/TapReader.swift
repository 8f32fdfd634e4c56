import AddonProtocol
import Synchronization

/// Turns tapped frames into lines. It remembers requests until their answers arrive, to say what the answers are about.
final class TapReader: Sendable {
    /// The number of unanswered requests remembered.
    static let maximumRemembered = 1024

    private struct Asked {
        var method: String
        var params: JSONValue
    }

    fileprivate struct Key: Hashable {
        var addon: String
        /// Who made the request.
        var direction: String
        var id: RequestID
    }

    private let showsBodies: Bool
    private let asked = Mutex<[Key: Asked]>([:])

    /// - Parameter showsBodies: whether the frames contain bodies.
    init(showsBodies: Bool) {
        self.showsBodies = showsBodies
    }

    /// - Parameter frame: the params of a `tap` notification.
    func lines(_ frame: JSONValue, _ terminal: Terminal) -> [String] {
        let message = frame["message"] ?? .null
        let id = message["id"].flatMap(RequestID.init)
        guard let method = message["method"]?.stringValue else { return answer(frame, message, id, terminal) }
        let params = message["params"] ?? .null
        if let id { remember(Asked(method: method, params: params), Key(frame, id)) }
        return [head(frame, method, params, terminal) + TapSummary.text(of: method, params)]
    }

    private func answer(_ frame: JSONValue, _ message: JSONValue, _ id: RequestID?, _ terminal: Terminal) -> [String] {
        let key = id.map { Key(answering: frame, $0) }
        let question = key.flatMap { key in asked.withLock { $0.removeValue(forKey: key) } }
        // Taps do not show its request, which may hold a token.
        let method = question?.method ?? (message["result"]?["session"] == nil ? "" : Call.initialize.rawValue)
        let start = head(frame, method, question?.params ?? .null, terminal)
        if let error = message["error"] {
            let text = escapedForTerminal("error \(error["code"]?.intValue ?? 0): \(error.text("message"))")
            return [start + terminal.styled(text, .red)]
        }
        guard let result = message["result"] else {
            return [start + terminal.styled("no message: " + cut(JSONText.line(message), toColumns: 200), .red)]
        }
        guard frame["direction"] == "addon" else { return [start + cut(JSONText.line(result), toColumns: 200)] }
        let changes =
            result.isNull
            ? []
            : Change.made(by: result, of: question?.params, hidesBodies: !showsBodies).map {
                "    " + $0.line(terminal)
            }
        return [start + (changes.isEmpty ? "no change" : "\(changes.count) changed")] + changes
    }

    private func head(_ frame: JSONValue, _ method: String, _ params: JSONValue, _ terminal: Terminal) -> String {
        let isFromAddon = frame["direction"] == "addon"
        let arrow = isFromAddon ? terminal.styled("←", .green) : terminal.styled("→", .cyan)
        let took = frame["latency_us"]?.doubleValue.map { Words.duration(microseconds: $0) } ?? ""
        let cells = [
            terminal.styled(Words.time(frame.seconds("time") ?? 0), .dim), padded(frame.text("addon"), 14),
            arrow, padded(method, 15), padded(TapSummary.flow(of: params) ?? "", 9), padded(took, 7),
        ]
        return cells.joined(separator: " ") + " "
    }

    /// The heading of the columns.
    static func header(_ terminal: Terminal) -> String {
        let names = "TIME         ADDON            EVENT OR CALL   FLOW      TOOK"
        return terminal.styled(names, .dim)
    }

    private func padded(_ text: String, _ width: Int) -> String {
        let text = escapedForTerminal(text)
        return text + String(repeating: " ", count: max(0, width - columns(of: text)))
    }

    /// Forgets all requests, since the answers to some may have been lost.
    func forget() { asked.withLock { $0 = [:] } }

    private func remember(_ question: Asked, _ key: Key) {
        asked.withLock { asked in
            if asked.count >= Self.maximumRemembered { asked = [:] }
            asked[key] = question
        }
    }
}

extension TapReader.Key {
    fileprivate init(_ frame: JSONValue, _ id: RequestID) {
        self.init(addon: frame.text("addon"), direction: frame.text("direction"), id: id)
    }

    fileprivate init(answering frame: JSONValue, _ id: RequestID) {
        let other = frame["direction"] == "addon" ? "daemon" : "addon"
        self.init(addon: frame.text("addon"), direction: other, id: id)
    }
}
