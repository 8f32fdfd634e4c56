/// Reads one rule.
enum RuleReader {
    /// The members of a rule other than its actions.
    private static let conditions = ["name", "when", "chance", "each", "stop"]
    static let allowed = conditions + ActionReader.all.map(\.name)

    static func rule(_ entry: RuleValue) throws(RuleError) -> Rule {
        let members = try entry.members(allowed)
        var rule = Rule(origin: entry.origin)
        rule.name = try members["name"].map { value throws(RuleError) in try value.text() }
        if let value = members["when"] {
            rule.condition = try Condition(try value.text("a flow filter"), at: value.origin)
        }
        rule.odds = try odds(members)
        rule.stops = try members["stop"]?.bool() ?? false
        // In the order of this list, not in the written order: a delay comes before an answer.
        for reader in ActionReader.all {
            guard let value = members[reader.name], value.flag != false else { continue }
            for action in try reader.read(value) {
                try check(action, rule.condition, value)
                rule.add(action, reader.name)
            }
        }
        guard rule.stops || !rule.actions.isEmpty else {
            throw entry.fault(
                "the rule does nothing; allowed actions: \(ActionReader.all.map(\.name).joined(separator: ", ")), stop"
            )
        }
        return rule
    }

    /// The value of `chance` or `each`; nil without them.
    static func odds(_ members: [String: RuleValue]) throws(RuleError) -> Odds? {
        if let each = members["each"] {
            guard members["chance"] == nil else { throw each.fault("chance and each do not go together") }
            return .each(EachCounter(try each.integer(in: 1...1_000_000, "a whole number")))
        }
        return try members["chance"].map { value throws(RuleError) in .chance(try value.fraction()) }
    }

    /// Rejects an action on requests whose filter only a response can satisfy.
    private static func check(_ action: RuleAction, _ condition: Condition?, _ value: RuleValue) throws(RuleError) {
        guard let condition, let stage = action.stages.min() else { return }
        guard condition.mayHoldWithoutResponse || action.followsCondition || stage >= .responseHead else {
            throw value.fault(
                "this is done to requests, but the filter \(condition.text) holds only if there is a response"
            )
        }
    }
}
