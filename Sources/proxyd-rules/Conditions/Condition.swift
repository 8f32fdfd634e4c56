import AddonProtocol
import ProxyCore

/// A flow filter, and what can be said about it without a flow.
struct Condition: Sendable {
    let text: String
    let expression: FilterExpression<FilterPatternText>
    private let filter: SnapshotFilter

    /// - Parameter origin: where the filter is written.
    init(_ text: String, at origin: String) throws(RuleError) {
        do {
            expression = try FilterExpression.parse(text)
            filter = try SnapshotFilter(text)
            self.text = text
        } catch let error as FilterError {
            throw RuleError(origin, "the filter \(text) is not valid, \(error)")
        } catch let error as ProtocolError {
            throw RuleError(origin, "the filter \(text) is not valid: \(error.message)")
        } catch {
            throw RuleError(origin, "\(error)")
        }
    }

    func holds(for flow: some FilterableFlow) -> Bool { filter.matches(flow) }

    /// Whether it may look at a response, so that it may hold at the response though it did not at the request.
    var looksAtResponse: Bool { expression.atoms.contains(where: \.looksAtResponse) }

    func looksAt(_ fields: FilterField...) -> Bool {
        expression.atoms.contains { if case .pattern(let field, _) = $0 { fields.contains(field) } else { false } }
    }

    func looksAt(_ flags: FilterFlag...) -> Bool {
        expression.atoms.contains { if case .flag(let flag) = $0 { flags.contains(flag) } else { false } }
    }

    /// Whether it looks at the body of this side.
    func looksAtBody(of side: FilterSide) -> Bool {
        looksAt(.body) || (side == .request ? looksAt(.requestBody) : looksAt(.responseBody))
    }

    /// Whether it may hold for a flow that has no response yet.
    var mayHoldWithoutResponse: Bool { expression.valueWithoutResponse ?? true }
}

extension FilterAtom<FilterPatternText> {
    /// Whether a response may make a difference.
    var looksAtResponse: Bool {
        switch self {
        case .status, .flag(.asset), .flag(.error), .flag(.noResponse), .flag(.response): true
        case .flag: false
        case .pattern(let field, _):
            [.body, .responseBody, .header, .responseHeader, .contentType, .responseContentType].contains(field)
        }
    }

    /// Whether it can hold only because of a response.
    fileprivate var needsResponse: Bool {
        switch self {
        case .status, .flag(.asset), .flag(.response): true
        case .flag: false
        case .pattern(let field, _): [.responseBody, .responseHeader, .responseContentType].contains(field)
        }
    }
}

extension FilterExpression<FilterPatternText> {
    /// Its value for a flow without a response; nil when that depends on the flow.
    fileprivate var valueWithoutResponse: Bool? {
        switch self {
        case .atom(let atom): atom.needsResponse ? false : nil
        case .not(let operand): operand.valueWithoutResponse.map { !$0 }
        case .and(let operands): operands.contains { $0.valueWithoutResponse == false } ? false : nil
        case .or(let operands):
            operands.contains { $0.valueWithoutResponse == true }
                ? true : operands.allSatisfy { $0.valueWithoutResponse == false } ? false : nil
        }
    }
}
