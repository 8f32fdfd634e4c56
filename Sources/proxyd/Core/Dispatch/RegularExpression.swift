import AddonProtocol
import Foundation

/// A regular expression of a flow filter (ICU's syntax), without regard to case.
///
/// Bytes that are UTF-8 are searched as Unicode text. Others are searched with each byte as the character of its
/// number, and the expression's own text likewise, so that any bytes can be found. A search that goes beyond
/// `Limits.filterMatch`, as one that backtracks without end does, is given up undecided.
struct RegularExpression: FilterPattern {
    private let text: NSRegularExpression
    /// The same for bytes that are no UTF-8.
    private let bytes: NSRegularExpression

    init(_ pattern: String, _ lines: FilterLines) throws(FilterPatternError) {
        text = try Self.compiled(pattern, lines)
        bytes = pattern.utf8.allSatisfy { $0 < 0x80 } ? text : try Self.compiled(Self.characters(pattern.utf8), lines)
    }

    private static func compiled(
        _ pattern: String,
        _ lines: FilterLines
    ) throws(FilterPatternError) -> NSRegularExpression {
        var options: NSRegularExpression.Options = [.caseInsensitive]
        switch lines {
        case .one: break
        case .anchorsMatchLines: options.insert(.anchorsMatchLines)
        case .dotMatchesAll: options.insert(.dotMatchesLineSeparators)
        }
        do {
            return try NSRegularExpression(pattern: pattern, options: options)
        } catch {
            throw FilterPatternError("\"\(pattern)\" is no regular expression")
        }
    }

    func isFound(in bytes: [UInt8]) -> Bool? {
        guard bytes.count <= Limits.filteredBodyBytes else { return nil }
        if let text = String(validating: bytes, as: UTF8.self) { return Self.isFound(self.text, in: text) }
        return Self.isFound(self.bytes, in: Self.characters(bytes))
    }

    private static func characters(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.map { UInt16($0) }, as: UTF16.self)
    }

    private static func isFound(_ expression: NSRegularExpression, in text: String) -> Bool? {
        let deadline = ContinuousClock.now + Limits.filterMatch
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

extension FlowFilter {
    /// - Throws: -32602 that says where the filter is wrong and what is allowed there.
    init(parsing text: String) throws(ProtocolError) {
        do throws(FilterError) {
            try self.init(text) { pattern, lines throws(FilterPatternError) in try RegularExpression(pattern, lines) }
        } catch {
            throw .invalidFilter("filter", text, error)
        }
    }
}
