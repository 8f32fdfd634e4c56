/// A flow filter as a tree. `Pattern` is the text of a regular expression, or a compiled one.
public indirect enum FilterExpression<Pattern: Sendable>: Sendable {
    case atom(FilterAtom<Pattern>)
    case not(FilterExpression)
    case and([FilterExpression])
    case or([FilterExpression])
}

extension FilterExpression: Equatable where Pattern: Equatable {}

extension FilterExpression {
    /// Returns the same tree with each pattern transformed.
    func map<Other: Sendable, Failure: Error>(
        _ transform: (FilterField, Pattern) throws(Failure) -> Other
    ) throws(Failure) -> FilterExpression<Other> {
        switch self {
        case .atom(.flag(let flag)): .atom(.flag(flag))
        case .atom(.status(let status)): .atom(.status(status))
        case .atom(.pattern(let field, let pattern)): .atom(.pattern(field, try transform(field, pattern)))
        case .not(let operand): .not(try operand.map(transform))
        case .and(let operands): .and(try Self.mapped(operands, transform))
        case .or(let operands): .or(try Self.mapped(operands, transform))
        }
    }

    private static func mapped<Other: Sendable, Failure: Error>(
        _ operands: [FilterExpression],
        _ transform: (FilterField, Pattern) throws(Failure) -> Other
    ) throws(Failure) -> [FilterExpression<Other>] {
        var result: [FilterExpression<Other>] = []
        for operand in operands { result.append(try operand.map(transform)) }
        return result
    }
}
