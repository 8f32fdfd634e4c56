/// Makes many alternatives cheap when none of them holds, by searching for all the regular expressions that they need
/// in one text at once.
extension FilterExpression<FilterPatternText> {
    /// Fewer alternatives are tried one by one.
    private static let fewestJoined = 4

    /// An equivalent expression, which holds for the same flows.
    var joiningAlternatives: Self {
        switch self {
        case .atom: self
        case .not(let operand): .not(operand.joiningAlternatives)
        case .and(let operands): .and(operands.map(\.joiningAlternatives))
        case .or(let operands): Self.joined(operands.map(\.joiningAlternatives))
        }
    }

    private static func joined(_ alternatives: [Self]) -> Self {
        var rest = alternatives
        var result: [Self] = []
        for field in [FilterField.domain, .url, .method] {
            let needing = rest.map { ($0, $0.pattern(neededIn: field)) }
            let found = needing.compactMap { alternative, pattern in pattern.map { (alternative, $0) } }
            guard found.count >= fewestJoined else { continue }
            rest = needing.filter { $0.1 == nil }.map(\.0)
            let whole = found.filter(\.0.isAtom).map(\.1)
            let partial = found.filter { !$0.0.isAtom }
            if let whole = atom(field, joining: whole) { result.append(whole) }
            if let guarding = atom(field, joining: partial.map(\.1)) {
                result.append(.and([guarding, .or(partial.map(\.0))]))
            }
        }
        let all = result + rest
        return all.count == 1 ? all[0] : .or(all)
    }

    private static func atom(_ field: FilterField, joining patterns: [FilterPatternText]) -> Self? {
        guard let first = patterns.first else { return nil }
        let text = patterns.map { "(?:\($0.text))" }.joined(separator: "|")
        return .atom(.pattern(field, FilterPatternText(text, at: first.position)))
    }

    private var isAtom: Bool {
        if case .atom = self { true } else { false }
    }

    /// A regular expression that must match in that field for this expression to hold, if it can be joined with others.
    private func pattern(neededIn field: FilterField) -> FilterPatternText? {
        switch self {
        case .atom(.pattern(field, let pattern)) where pattern.isSelfContained: pattern
        case .and(let operands): operands.lazy.compactMap { $0.pattern(neededIn: field) }.first
        case .atom, .not, .or: nil
        }
    }
}

extension FilterPatternText {
    /// Whether the expression keeps its meaning inside a longer one: it is balanced, and has neither numbered groups
    /// nor anything that reaches beyond it.
    fileprivate var isSelfContained: Bool {
        var (depth, isClass) = (0, false)
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch Unicode.Scalar(byte) {
            case "\\":
                guard let escaped = rest.popFirst(), Self.mayFollowBackslash(Unicode.Scalar(escaped)) else {
                    return false
                }
            case "[" where isClass: return false
            case "[": isClass = true
            case "]": isClass = false
            case "(" where !isClass:
                guard rest.first != UInt8(ascii: "?") || rest.starts(with: "?:".utf8) else { return false }
                depth += 1
            case ")" where !isClass:
                depth -= 1
                guard depth >= 0 else { return false }
            default: break
            }
        }
        return depth == 0 && !isClass
    }

    private static func mayFollowBackslash(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "d", "D", "w", "W", "s", "S", "b", "B": true
        case "a"..."z", "A"..."Z", "0"..."9": false
        default: true
        }
    }
}
