import AddonProtocol
import CRE2

/// A case-insensitive regular expression whose search time is linear in the text (RE2).
final class LinearExpression: @unchecked Sendable {
    private let expression: OpaquePointer
    /// How many steps one byte of text may take.
    let size: Int

    /// - Parameters:
    /// - pattern: in ICU's syntax.
    /// - isText: whether pattern and text are UTF-8; otherwise each byte is the character with its number.
    /// - Returns: nil when RE2 rejects the expression or would give it another meaning.
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

    /// Whether the expression matches anywhere in the text.
    func isFound(in text: [UInt8]) -> Bool {
        text.withUnsafeBytes {
            cre2_is_found(expression, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }
}
