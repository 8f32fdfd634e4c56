import AddonProtocol

/// What is to be done with which flows.
package struct Rule: Sendable {
    /// Where it is written.
    package let origin: String
    package var name: String?
    /// nil: every flow.
    var condition: Condition?
    /// nil: every flow that matches.
    var odds: Odds?
    var stops = false
    private(set) var actions: [RuleAction] = []
    /// What each action is called in the file.
    private(set) var actionNames: [String] = []
    /// Whether it is asked anew at each stage, as mitmproxy's options are.
    var isAskedEachTime = false

    init(origin: String) { self.origin = origin }

    mutating func add(_ action: RuleAction, _ name: String) {
        actions.append(action)
        if actionNames.last != name { actionNames.append(name) }
    }

    /// When it does something itself.
    var stages: Set<Stage> { Set(actions.flatMap(stages)) }

    /// When it is decided whether it fits a flow, which then holds for all that follows; nil: it is asked at each stage.
    ///
    /// So one throw of the dice counts for the request and its response, and a request that is sent elsewhere is still the
    /// rule's.
    func decisionStage(_ stages: Set<Stage>) -> Stage? {
        let stages = stages.subtracting([.message])
        guard !isAskedEachTime, let first = stages.min(), !(condition?.looksAtResponse ?? false) else { return nil }
        let decides = condition?.looksAtBody(of: .request) ?? false ? Stage.request : first
        return stages == [decides] ? nil : decides
    }

    /// When an action is done: one of a request's head has to wait for the body if the filter looks at it, and one that is of no
    /// side is done as soon as the filter can tell.
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
