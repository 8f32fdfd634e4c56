import AddonProtocol

/// Why a rule is broken: what was sent, what came, and what is allowed.
struct Problem: Error {
    var sent: String?
    var came: String?
    var allowed: String

    init(sent: String? = nil, came: String? = nil, allowed: String) {
        self.sent = sent
        self.came = came
        self.allowed = allowed
    }
}

/// One rule of the protocol, and whether the addon keeps it.
struct Finding {
    enum Outcome {
        case ok
        case failed(Problem)
        /// Nothing was sent that would show it, for this reason.
        case skipped(String)
    }

    /// A short name, for programs and for searching: `event request`.
    let rule: String
    /// The rule in words.
    let about: String
    let outcome: Outcome

    var isFailure: Bool {
        if case .failed = outcome { return true }
        return false
    }

    var isSkipped: Bool {
        if case .skipped = outcome { return true }
        return false
    }
}

extension Finding {
    private static let shownCharacters = 400

    /// The finding for people. A failure has separate lines for what was sent, what came and what is allowed.
    func text(ruleWidth: Int) -> String {
        let padded = escapedForTerminal(rule + String(repeating: " ", count: max(0, ruleWidth - rule.count)))
        let about = escapedForTerminal(about)
        switch outcome {
        case .ok: return "ok      \(padded)  \(about)"
        case .skipped(let reason): return "-       \(padded)  not tried: \(Self.shortened(reason))"
        case .failed(let problem):
            let parts = [("sent", problem.sent), ("came", problem.came), ("allowed", problem.allowed)]
            let lines = parts.compactMap { name, text in text.map { "          \(name): \(Self.shortened($0))" } }
            return (["FAILED  \(padded)  \(about)"] + lines).joined(separator: "\n")
        }
    }

    private static func shortened(_ text: String) -> String {
        let shown = escapedForTerminal(String(text.prefix(shownCharacters)))
        return text.count <= shownCharacters ? shown : "\(shown)… (\(text.count) characters)"
    }

    var json: JSONValue {
        var members: [JSONValue.Member] = [.init("rule", .string(rule)), .init("about", .string(about))]
        switch outcome {
        case .ok: members.append(.init("outcome", "ok"))
        case .skipped(let reason): members += [.init("outcome", "skipped"), .init("reason", .string(reason))]
        case .failed(let problem):
            members += [
                .init("outcome", "failed"), .init("sent", problem.sent.map { .string($0) } ?? .null),
                .init("came", problem.came.map { .string($0) } ?? .null), .init("allowed", .string(problem.allowed)),
            ]
        }
        return .object(members)
    }
}
