import AddonProtocol
import Synchronization

/// The rules in force at a time.
package struct RuleSet: Sendable {
    /// The metadata that records which rules apply to a flow, when that is decided once. The name belongs to this process, since
    /// other processes may have other rules.
    static let metadataName = "proxyd-rules-" + String(UInt64.random(in: .min ... .max), radix: 36)

    /// The rules, in the order in which they apply.
    package let rules: [Rule]
    /// The state of the file when it was read; nil: there is none.
    var fileState: FileState?
    /// Distinguishes the decisions of this set from those of an earlier one.
    let generation: String
    /// What each rule takes part in.
    let parts: [Part]

    struct Part: Sendable {
        let stages: Set<Stage>
        /// The stage that decides for all stages; nil: each stage decides.
        let decisionStage: Stage?
        /// Whether the random choice is made at the first stage at which the filter matches, and then holds.
        let throwsOnce: Bool

        /// Whether a decision about the rule is recorded with the flow.
        var isRemembered: Bool { decisionStage != nil || throwsOnce }
        var allStages: Set<Stage> { decisionStage.map { stages.union([$0]) } ?? stages }
    }

    /// No rules.
    package static let none = RuleSet([])

    private static let generations = Atomic(0)

    init(_ rules: [Rule]) {
        self.rules = rules
        generation = String(Self.generations.add(1, ordering: .relaxed).newValue)
        var later: Set<Stage> = []
        var parts: [Part] = []
        // A rule that stops takes part wherever a later one does.
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

    /// Whether a rule decides or acts at this stage.
    func concerns(_ stage: Stage) -> Bool { parts.contains { $0.allStages.contains(stage) } }

    /// The rules that decide or act at this stage.
    func indices(at stage: Stage) -> [Int] { rules.indices.filter { parts[$0].allStages.contains(stage) } }

    /// Whether a rule may change this flow's body at this stage, or look at it.
    func mayWantBody(at stage: Stage, of flow: RuleFlow) -> Bool {
        indices(at: stage).contains { index in
            let condition = rules[index].condition
            return condition?.looksAtBody(of: .request) ?? false || condition?.looksAtBody(of: .response) ?? false
                || condition?.holds(for: flow) ?? true
        }
    }
}
