/// What can be said about a filter without a flow.
extension FilterExpression<FilterPatternText> {
    /// Parses a filter; an error says where the mistake is and what is allowed there.
    public static func parse(_ text: String) throws(FilterError) -> Self { try FilterParser.parse(text) }

    /// All conditions in the expression.
    public var atoms: [FilterAtom<FilterPatternText>] {
        switch self {
        case .atom(let atom): [atom]
        case .not(let operand): operand.atoms
        case .and(let operands), .or(let operands): operands.flatMap(\.atoms)
        }
    }

    /// The expression as filter text.
    public var text: String {
        switch self {
        case .atom(let atom): atom.text
        case .not(let operand): "!" + operand.grouped
        case .and(let operands): operands.map(\.grouped).joined(separator: " & ")
        case .or(let operands): operands.map(\.grouped).joined(separator: " | ")
        }
    }

    private var grouped: String {
        switch self {
        case .atom, .not: text
        case .and, .or: "(\(text))"
        }
    }
}

extension FilterAtom<FilterPatternText> {
    /// The atom as filter text.
    public var text: String {
        switch self {
        case .flag(let flag): return "~\(flag.rawValue)"
        case .status(let status): return "~c \(status)"
        case .pattern(let field, let pattern):
            let isWord =
                !pattern.text.isEmpty && pattern.text.utf8.allSatisfy { $0 > 0x20 && !"()~'\"".utf8.contains($0) }
            return "~\(field.rawValue) \(isWord ? pattern.text : Self.quoted(pattern.text))"
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
