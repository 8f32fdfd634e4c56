import AddonProtocol
import ProxyCodecs

/// A case-insensitive regular expression of a flow filter, in ICU's syntax.
///
/// Valid UTF-8 is searched as Unicode text. Other bytes, and the expression with them, are treated as the characters
/// with their numbers, so that any bytes can be matched.
struct RegularExpression: FilterPattern {
    private let text: Search
    /// The search in bytes that are not UTF-8.
    private let bytes: Search

    /// Compiles an expression, with RE2 if possible.
    init(_ pattern: String, _ lines: FilterLines) throws(FilterPatternError) {
        let backtracking = try BacktrackingExpression(pattern, lines)
        text = Search(pattern, lines, isText: true, else: backtracking)
        let inBytes =
            pattern.utf8.allSatisfy { $0 < 0x80 }
            ? backtracking : try BacktrackingExpression(BacktrackingExpression.characters(pattern.utf8), lines)
        bytes = Search(pattern, lines, isText: false, else: inBytes)
    }

    /// Whether the expression matches anywhere in the bytes; nil when that cannot be decided in time.
    func isFound(in bytes: [UInt8], _ time: FilterTime = .short) -> Bool? {
        guard bytes.count <= Limits.filteredBodyBytes else { return nil }
        return isText(bytes)
            ? text.isFound(in: bytes, isText: true, time) : self.bytes.isFound(in: bytes, isText: false, time)
    }

    private func isText(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeBytes { validator.take($0) } && validator.isComplete
    }
}

/// The engine that runs a search: the linear one, if it supports the expression.
private enum Search {
    case linear(LinearExpression)
    case backtracking(BacktrackingExpression)

    init(_ pattern: String, _ lines: FilterLines, isText: Bool, else other: BacktrackingExpression) {
        self = LinearExpression(Array(pattern.utf8), lines, isText: isText).map { .linear($0) } ?? .backtracking(other)
    }

    func isFound(in bytes: [UInt8], isText: Bool, _ time: FilterTime) -> Bool? {
        switch self {
        case .linear(let expression):
            let isShort = bytes.count <= Limits.shortTextBytes && expression.size <= Limits.expressionSizeForShortText
            let steps = time == .short ? Limits.shortSearchSteps : Limits.longSearchSteps
            return isShort || bytes.count <= steps / expression.size ? expression.isFound(in: bytes) : nil
        case .backtracking(let expression):
            let text = isText ? String(decoding: bytes, as: UTF8.self) : BacktrackingExpression.characters(bytes)
            guard time == .short else { return expression.isFound(in: text, within: Limits.longSearch) }
            guard bytes.count <= Limits.shortSearchBytes else { return nil }
            return expression.isFound(in: text, within: Limits.shortSearch)
        }
    }
}

extension FlowFilter {
    /// - Throws: -32602, which locates the mistake in the filter and says what is allowed there.
    init(parsing text: String) throws(ProtocolError) {
        do throws(FilterError) {
            try self.init(text) { pattern, lines throws(FilterPatternError) in try RegularExpression(pattern, lines) }
        } catch {
            throw .invalidFilter("filter", text, error)
        }
    }
}
