import Foundation

/// Replaces the matches of a regular expression.
///
/// UTF-8 is searched as text. Other bytes, or all bytes, are searched as characters of the same numbers.
struct Substitution: Sendable {
    /// The bytes to search for, when the expression consists of literal characters.
    private let literal: [UInt8]?
    private let text: NSRegularExpression?
    private let bytes: NSRegularExpression
    private let replacement: Content
    private let groups: Int
    private let groupNames: [String: Int]
    private let template: ReplacementTemplate?

    /// The time limit of one substitution.
    static let longest = Duration.seconds(1)

    /// - Throws: an `ActionFailure` that says what is wrong with the expression or the replacement.
    init(
        _ pattern: PythonPattern,
        _ replacement: Content,
        options: NSRegularExpression.Options = [.dotMatchesLineSeparators, .useUnixLineSeparators]
    ) throws(ActionFailure) {
        do {
            text = pattern.isOfBytes ? nil : try NSRegularExpression(pattern: pattern.translated, options: options)
            bytes = try NSRegularExpression(pattern: characters(pattern.translatedBytes), options: options)
        } catch {
            throw ActionFailure("\(pattern.text) is not a regular expression")
        }
        literal = pattern.literal
        groups = bytes.numberOfCaptureGroups
        self.replacement = replacement
        groupNames = pattern.groupNames
        if case .bytes(let bytes) = replacement {
            template = try ReplacementTemplate(bytes, groups: groups, names: groupNames)
        } else {
            template = nil
        }
    }

    /// - Returns: nil when nothing matches.
    func applied(to content: [UInt8]) throws -> [UInt8]? {
        if let literal { return try replaced(literal, content) }
        if let text, let string = String(validating: content, as: UTF8.self) {
            return try replaced(text, string) { Array($0.utf8) }
        }
        return try replaced(bytes, characters(content)) { $0.utf16.map { UInt8(truncatingIfNeeded: $0) } }
    }

    private func replaced(
        _ expression: NSRegularExpression,
        _ string: String,
        _ encoded: (String) -> [UInt8]
    ) throws -> [UInt8]? {
        let matches = try Self.matches(of: expression, in: string)
        guard !matches.isEmpty else { return nil }
        let pieces = try pieces()
        let limit = max(Content.sizeLimit, string.utf8.count)
        let whole = string as NSString
        var (result, end) = ([UInt8](), 0)
        for match in matches {
            result += encoded(whole.substring(with: NSRange(location: end, length: match.range.location - end)))
            for piece in pieces {
                switch piece {
                case .literal(let bytes): result += bytes
                case .group(let number):
                    let range = match.range(at: number)
                    if range.location != NSNotFound { result += encoded(whole.substring(with: range)) }
                }
            }
            end = match.range.location + match.range.length
            guard result.count <= limit else { throw Self.tooLarge }
        }
        return try Self.checked(result + encoded(whole.substring(from: end)))
    }

    private func replaced(_ literal: [UInt8], _ content: [UInt8]) throws -> [UInt8]? {
        var (rest, found) = (content[...], Self.range(of: literal, in: content[...]))
        guard found != nil else { return nil }
        let new = try pieces().flatMap { if case .literal(let bytes) = $0 { bytes } else { literal } }
        let limit = max(Content.sizeLimit, content.count)
        var result: [UInt8] = []
        while let range = found {
            result += rest[..<range.lowerBound]
            result += new
            guard result.count <= limit else { throw Self.tooLarge }
            rest = rest[range.upperBound...]
            found = Self.range(of: literal, in: rest)
        }
        return try Self.checked(result + rest)
    }

    private static func range(of literal: [UInt8], in content: ArraySlice<UInt8>) -> Range<Int>? {
        content.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return nil }
            var offset = 0
            while offset + literal.count <= bytes.count {
                let room = bytes.count - literal.count + 1 - offset
                guard let found = memchr(start + offset, Int32(literal[0]), room) else { return nil }
                offset = UnsafeRawPointer(found) - start
                if memcmp(found, literal, literal.count) == 0 {
                    return content.startIndex + offset..<content.startIndex + offset + literal.count
                }
                offset += 1
            }
            return nil
        }
    }

    private func pieces() throws -> [ReplacementTemplate.Piece] {
        try (template ?? ReplacementTemplate(replacement.bytes(), groups: groups, names: groupNames)).pieces
    }

    private static let tooLarge = ActionFailure("the body would be too large, and is unchanged")

    private static func checked(_ content: [UInt8]) throws(ActionFailure) -> [UInt8] {
        guard Content.fitsFrame(content) else { throw tooLarge }
        return content
    }

    private static func matches(
        of expression: NSRegularExpression,
        in string: String,
        most: Int = .max
    ) throws(ActionFailure) -> [NSTextCheckingResult] {
        let deadline = ContinuousClock.now + longest
        var (matches, isLate, isTooDeep) = ([NSTextCheckingResult](), false, false)
        let range = NSRange(location: 0, length: string.utf16.count)
        expression.enumerateMatches(in: string, options: [.reportProgress, .reportCompletion], range: range) {
            match,
            flags,
            stop in
            if let match {
                matches.append(match)
                stop.pointee = ObjCBool(matches.count == most)
            } else if flags.contains(.internalError) {
                isTooDeep = true
            } else if !flags.contains(.completed) {
                isLate = ContinuousClock.now > deadline
                stop.pointee = ObjCBool(isLate)
            }
        }
        guard !isTooDeep else {
            throw ActionFailure("the search for \(expression.pattern) needs too much memory and was given up")
        }
        guard !isLate else {
            throw ActionFailure("the search for \(expression.pattern) took too long and was given up")
        }
        return matches
    }

    /// The first match in a URL: the text of the first group, if the expression has groups, and what follows the match.
    func firstMatch(in string: String) throws(ActionFailure) -> (group: String?, rest: String)? {
        let whole = string as NSString
        guard let match = try Self.matches(of: text ?? bytes, in: string, most: 1).first else { return nil }
        let rest = whole.substring(from: match.range.location + match.range.length)
        guard match.numberOfRanges > 1 else { return (nil, rest) }
        let group = match.range(at: 1)
        return (group.location == NSNotFound ? "" : whole.substring(with: group), rest)
    }
}

/// The bytes as text, each as the character of its number.
private func characters(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { UInt16($0) }, as: UTF16.self)
}
