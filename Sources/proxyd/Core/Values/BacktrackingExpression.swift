import AddonProtocol
import Foundation

/// A regular expression with ICU's full syntax. A search may backtrack without end, so it is given up after a time
/// limit.
struct BacktrackingExpression: Sendable {
    private let expression: NSRegularExpression

    /// Compiles an expression.
    init(_ pattern: String, _ lines: FilterLines) throws(FilterPatternError) {
        var options: NSRegularExpression.Options = [.caseInsensitive]
        switch lines {
        case .one: break
        case .anchorsMatchLines: options.insert(.anchorsMatchLines)
        case .dotMatchesAll: options.insert(.dotMatchesLineSeparators)
        }
        do {
            expression = try NSRegularExpression(pattern: pattern, options: options)
        } catch {
            throw FilterPatternError("\"\(pattern)\" is not a regular expression")
        }
    }

    /// Decodes each byte as the character with its number (Latin-1).
    static func characters(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { UInt16($0) }, as: UTF16.self)
    }

    /// Whether the expression matches anywhere in the text; nil when the search takes too long.
    func isFound(in text: String, within time: Duration) -> Bool? {
        let deadline = ContinuousClock.now + time
        var result: Bool? = false
        let range = NSRange(location: 0, length: text.utf16.count)
        expression.enumerateMatches(in: text, options: [.reportProgress], range: range) { match, _, stop in
            if match != nil {
                result = true
            } else if ContinuousClock.now > deadline {
                result = nil
            } else {
                return
            }
            stop.pointee = true
        }
        return result
    }
}
