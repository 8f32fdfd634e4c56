import AddonSDK

/// Applies the rules to a WebSocket message.
extension RuleSet {
    func apply(to message: RuleMessage, report: (String) -> Void) async throws {
        let original = message.content
        for index in indices(at: .message) where rules[index].isHit(by: message) {
            let rule = rules[index]
            for action in rule.actions {
                do {
                    guard try await apply(action, to: message) else { return message.flow.dropMessage() }
                } catch let failure as ActionFailure {
                    report("\(rule.origin): \(failure)")
                }
            }
            if rule.stops { break }
        }
        guard message.content != original else { return }
        guard message.flow.isText else { return message.flow.replaceMessage(binary: message.content) }
        guard let text = String(validating: message.content, as: UTF8.self) else {
            return report("the text message would no longer be UTF-8, and is unchanged")
        }
        message.flow.replaceMessage(text: text)
    }

    /// - Returns: whether the message is passed on.
    private func apply(_ action: RuleAction, to message: RuleMessage) async throws -> Bool {
        switch action {
        case .delayMessage(let delay): try await delay.wait()
        case .substituteInMessage(let substitution):
            let content = message.content
            if let new = try await apart({ try substitution.applied(to: content) }) { message.content = new }
        case .editJSONOfMessage(let edit):
            let content = message.content
            if let new = try await apart({ try edit.applied(to: content) }) { message.content = new }
        case .dropMessage: return false
        default: break
        }
        return true
    }
}
