import Foundation

/// Replaces what a regular expression finds.
///
/// UTF-8 is searched as text; other bytes, or all, with each byte as the character of its number.
struct Substitution: Sendable {
    private let text: NSRegularExpression?
    private let bytes: NSRegularExpression
    private let replacement: Content
    private let groups: Int
    private let groupNames: [String: Int]
    private let template: ReplacementTemplate?

    /// How long one may take.
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
            throw ActionFailure("\(pattern.text) is no regular expression")
        }
        groups = bytes.numberOfCaptureGroups
        self.replacement = replacement
        groupNames = pattern.groupNames
        if case .bytes(let bytes) = replacement {
            template = try ReplacementTemplate(bytes, groups: groups, names: groupNames)
        } else {
            template = nil
        }
    }

    /// - Returns: nil when nothing is found.
    func applied(to content: [UInt8]) throws -> [UInt8]? {
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
        let pieces = try (template ?? ReplacementTemplate(replacement.bytes(), groups: groups, names: groupNames))
            .pieces
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
        }
        return result + encoded(whole.substring(from: end))
    }

    private static func matches(
        of expression: NSRegularExpression,
        in string: String
    ) throws(ActionFailure) -> [NSTextCheckingResult] {
        let deadline = ContinuousClock.now + longest
        var (matches, isLate) = ([NSTextCheckingResult](), false)
        let range = NSRange(location: 0, length: string.utf16.count)
        expression.enumerateMatches(in: string, options: [.reportProgress], range: range) { match, _, stop in
            if let match { return matches.append(match) }
            isLate = ContinuousClock.now > deadline
            stop.pointee = ObjCBool(isLate)
        }
        guard !isLate else {
            throw ActionFailure("the search for \(expression.pattern) took too long and was given up")
        }
        return matches
    }

    /// The first match in a URL: the text of its first group, if there are groups, and what follows the match.
    func firstMatch(in string: String) -> (group: String?, rest: String)? {
        let whole = string as NSString
        let range = NSRange(location: 0, length: whole.length)
        guard let match = (text ?? bytes).firstMatch(in: string, range: range) else { return nil }
        let rest = whole.substring(from: match.range.location + match.range.length)
        guard match.numberOfRanges > 1 else { return (nil, rest) }
        let group = match.range(at: 1)
        return (group.location == NSNotFound ? "" : whole.substring(with: group), rest)
    }
}

/// Text in which each byte is the character of its number.
private func characters(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { UInt16($0) }, as: UTF16.self)
}

/// What is put in the place of a match, as Python's `re.sub` reads it: `\1`, `\g<1>` and `\g<name>` are groups.
struct ReplacementTemplate: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case literal([UInt8])
        case group(Int)
    }

    private(set) var pieces: [Piece] = []

    init(_ bytes: [UInt8], groups: Int, names: [String: Int]) throws(ActionFailure) {
        var literal: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                literal.append(byte)
                continue
            }
            switch Unicode.Scalar(escaped) {
            case "g" where rest.first == UInt8(ascii: "<"):
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else {
                    throw ActionFailure("\\g< has no > in the replacement")
                }
                let name = String(decoding: rest[rest.index(after: rest.startIndex)..<end], as: UTF8.self)
                rest = rest[rest.index(after: end)...]
                try appendGroup(Int(name) ?? names[name], of: groups, called: name, after: &literal)
            case "0": literal.append(Self.octal(&rest))
            case "1"..."9":
                var number = Int(escaped) - 48
                if let next = rest.first, (0x30...0x39).contains(next), number * 10 + Int(next) - 48 <= groups {
                    number = number * 10 + Int(next) - 48
                    rest = rest.dropFirst()
                }
                try appendGroup(number, of: groups, called: "\(number)", after: &literal)
            case "a": literal.append(0x07)
            case "b": literal.append(0x08)
            case "f": literal.append(0x0c)
            case "n": literal.append(0x0a)
            case "r": literal.append(0x0d)
            case "t": literal.append(0x09)
            case "v": literal.append(0x0b)
            case "\\": literal.append(escaped)
            case "a"..."z", "A"..."Z":
                throw ActionFailure("\\\(Unicode.Scalar(escaped)) means nothing in a replacement; \\\\ is a backslash")
            default: literal += [byte, escaped]
            }
        }
        flush(&literal)
    }

    private static func octal(_ rest: inout ArraySlice<UInt8>) -> UInt8 {
        var value = 0
        for _ in 0..<2 {
            guard let digit = rest.first, (0x30...0x37).contains(digit) else { break }
            value = value * 8 + Int(digit) - 48
            rest = rest.dropFirst()
        }
        return UInt8(value)
    }

    private mutating func appendGroup(
        _ number: Int?,
        of groups: Int,
        called name: String,
        after literal: inout [UInt8]
    ) throws(ActionFailure) {
        guard let number, (0...groups).contains(number) else {
            throw ActionFailure("the replacement names the group \(name), and the expression has \(groups) groups")
        }
        flush(&literal)
        pieces.append(.group(number))
    }

    private mutating func flush(_ literal: inout [UInt8]) {
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        literal = []
    }
}
