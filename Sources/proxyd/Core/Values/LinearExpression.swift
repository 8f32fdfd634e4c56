import AddonProtocol
import CRE2

/// A regular expression whose search takes time linear in the text (RE2), without regard to case.
final class LinearExpression: @unchecked Sendable {
    private let expression: OpaquePointer
    /// How many steps a byte of text may take.
    let size: Int

    /// - Parameters:
    ///   - pattern: in ICU's syntax.
    ///   - isText: whether it is UTF-8, as what it is looked for in; else each byte is the character of its number.
    /// - Returns: nil when RE2 does not take it, or would take it for something else.
    init?(_ pattern: [UInt8], _ lines: FilterLines, isText: Bool) {
        guard let translated = LinearSyntax.translated(pattern, lines) else { return nil }
        let options = cre2_options(latin1: !isText, dot_matches_line_feed: lines == .dotMatchesAll)
        let made = translated.withUnsafeBytes {
            cre2_compile($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count, options)
        }
        guard let made else { return nil }
        expression = made
        size = cre2_size(made)
    }

    deinit { cre2_free(expression) }

    func isFound(in text: [UInt8]) -> Bool {
        text.withUnsafeBytes {
            cre2_is_found(expression, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
}
