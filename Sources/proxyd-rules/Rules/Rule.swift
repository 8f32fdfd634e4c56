import AddonProtocol

/// A rule: which flows it applies to, and what it does to them.
package struct Rule: Sendable {
    /// Where the rule is written.
    package let origin: String
    /// The name, if the rule has one.
    package var name: String?
    /// nil: every flow.
    var condition: Condition?
    /// nil: every flow that matches.
    var odds: Odds?
    var stops = false
    private(set) var actions: [RuleAction] = []
    /// The name of each action in the file.
    private(set) var actionNames: [String] = []
    /// Whether its filter is tried at each stage, as for mitmproxy's options.
    var isAskedEachTime = false

    init(origin: String) { self.origin = origin }

    mutating func add(_ action: RuleAction, _ name: String) {
        actions.append(action)
        if actionNames.last != name { actionNames.append(name) }
    }

    /// The stages at which it acts.
    var stages: Set<Stage> { Set(actions.flatMap(stages)) }

    /// The stage that decides whether the rule applies to a flow, for all later stages too; nil: each stage decides.
    ///
    /// So one random choice covers the request and its response, and the rule still applies to a request that it sends
    /// elsewhere.
    func decisionStage(_ stages: Set<Stage>) -> Stage? {
        let stages = stages.subtracting([.message])
        guard !isAskedEachTime, let first = stages.min(), !(condition?.looksAtResponse ?? false) else { return nil }
        let decides = condition?.looksAtBody(of: .request) ?? false ? Stage.request : first
        return stages == [decides] ? nil : decides
    }

    /// The stages of an action. An action on a request's head waits for the body if the filter looks at the body, and an action
    /// that belongs to neither side runs as soon as the filter can be decided.
    func stages(of action: RuleAction) -> Set<Stage> {
        var stages = action.stages
        if action.followsCondition, condition?.looksAtResponse ?? false { stages = [.responseHead] }
        guard let condition else { return stages }
        return Set(
            stages.map { stage in
                switch stage {
                case .requestHead where condition.looksAtBody(of: .request): .request
                case .responseHead where condition.looksAtBody(of: .response): .response
                default: stage
                }
            }
        )
    }
}
