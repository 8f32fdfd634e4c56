import AddonProtocol
import Synchronization

/// All rules that are in force at once.
package struct RuleSet: Sendable {
    /// The metadata that tells of a flow which rules it fits, where that is decided once. It is this process's alone, since
    /// others may have other rules.
    static let metadataName = "proxyd-rules-" + String(UInt64.random(in: .min ... .max), radix: 36)

    package let rules: [Rule]
    /// What the file was when it was read; nil: there is none.
    var fileState: FileState?
    /// Tells the decisions of this set from those of a former one.
    let generation: String
    /// What each rule takes part in.
    let parts: [Part]

    struct Part: Sendable {
        let stages: Set<Stage>
        /// When it is decided for all stages; nil: at each by itself.
        let decisionStage: Stage?
        /// Whether the dice are thrown at the first stage at which the filter fits, and what they say holds from then on.
        let throwsOnce: Bool

        /// Whether something of it is noted with the flow.
        var isRemembered: Bool { decisionStage != nil || throwsOnce }
        var allStages: Set<Stage> { decisionStage.map { stages.union([$0]) } ?? stages }
    }

    package static let none = RuleSet([])

    private static let generations = Atomic(0)

    init(_ rules: [Rule]) {
        self.rules = rules
        generation = String(Self.generations.add(1, ordering: .relaxed).newValue)
        var later: Set<Stage> = []
        var parts: [Part] = []
        // One that stops takes part wherever a later one does.
        for rule in rules.reversed() {
            let stages = rule.stops ? rule.stages.union(later) : rule.stages
            let decisionStage = rule.decisionStage(stages)
            let throwsOnce = rule.odds != nil && decisionStage == nil && stages.subtracting([.message]).count > 1
            let part = Part(stages: stages, decisionStage: decisionStage, throwsOnce: throwsOnce)
            later.formUnion(part.stages)
            parts.insert(part, at: 0)
        }
        self.parts = parts
    }

    /// Whether there is anything to be done at this stage.
    func concerns(_ stage: Stage) -> Bool { parts.contains { $0.allStages.contains(stage) } }

    /// Each rule that has something to decide or to do at this stage.
    func indices(at stage: Stage) -> [Int] { rules.indices.filter { parts[$0].allStages.contains(stage) } }

    /// Whether a body that is there at this stage may be changed for this flow.
    func mayWantBody(at stage: Stage, of flow: RuleFlow) -> Bool {
        indices(at: stage).contains { index in
            let condition = rules[index].condition
            return condition?.looksAtBody(of: .request) ?? false || condition?.looksAtBody(of: .response) ?? false
                || condition?.holds(for: flow) ?? true
        }
    }
}
