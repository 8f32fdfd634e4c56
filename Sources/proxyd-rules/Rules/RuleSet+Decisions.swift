import AddonProtocol
import AddonSDK

/// Decides which rules apply to a flow.
extension RuleSet {
    /// Earlier decisions about a flow: the indices of the rules that apply, and the complements (`~`) of those that matched but
    /// were not selected at random.
    struct Decided {
        /// nil: nothing was decided, or it was decided by other rules.
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

    /// Whether the rule acts at this stage.
    func applies(_ index: Int, to flow: RuleFlow, _ decided: inout Decided) -> Bool {
        let (rule, part) = (rules[index], parts[index])
        if part.throwsOnce { return rule.fits(flow) && isChosen(index, &decided) }
        guard let stage = part.decisionStage else { return rule.isHit(by: flow) }
        guard stage == flow.stage else { return decided.contains(index) }
        guard rule.isHit(by: flow) else { return false }
        decided.add(index)
        return true
    }

    private func isChosen(_ index: Int, _ decided: inout Decided) -> Bool {
        if decided.contains(~index) { return false }
        if decided.contains(index) { return true }
        let isHit = rules[index].odds?.isHit() ?? true
        decided.add(isHit ? index : ~index)
        return isHit
    }
}

extension Rule {
    func fits(_ flow: some FilterableFlow) -> Bool { condition?.holds(for: flow) ?? true }

    func isHit(by flow: some FilterableFlow) -> Bool { fits(flow) && (odds?.isHit() ?? true) }
}
