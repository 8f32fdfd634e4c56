import AddonProtocol
import AddonSDK

/// Which rules a flow fits.
extension RuleSet {
    /// The rules of which it was decided before that this flow fits them.
    struct Decided {
        /// nil: nothing was decided, or by other rules.
        private var indices: Set<Int>?
        private var hasChanged = false

        init(_ flow: RuleFlow, _ set: RuleSet) {
            let words = flow.flow.metadata(RuleSet.metadataName)?.stringValue?.split(separator: ":") ?? []
            guard words.count == 2, words[0] == set.generation else { return }
            indices = Set(words[1].split(separator: ",").compactMap { Int($0) })
        }

        func contains(_ index: Int) -> Bool { indices?.contains(index) ?? false }

        mutating func add(_ index: Int) {
            indices = (indices ?? []).union([index])
            hasChanged = true
        }

        func remember(_ flow: RuleFlow, _ set: RuleSet) {
            guard hasChanged, let indices else { return }
            let text = "\(set.generation):" + indices.sorted().map(String.init).joined(separator: ",")
            flow.flow.setMetadata(RuleSet.metadataName, to: .string(text))
        }
    }

    /// Whether the rule is to do what it does at this stage.
    func applies(_ index: Int, to flow: RuleFlow, _ decided: inout Decided) -> Bool {
        let (rule, part) = (rules[index], parts[index])
        guard let stage = part.decisionStage else { return rule.isHit(by: flow) }
        guard stage == flow.stage else { return decided.contains(index) }
        guard rule.isHit(by: flow) else { return false }
        decided.add(index)
        return true
    }
}

extension Rule {
    func isHit(by flow: some FilterableFlow) -> Bool {
        (condition?.holds(for: flow) ?? true) && (odds?.isHit() ?? true)
    }
}
