import AddonProtocol

/// Translates ICU's regular expressions to RE2's, as far as both can mean the same.
///
/// Character classes ignore Unicode: `\w`, `\d`, `\s` and `\b` are ASCII, as in mitmproxy.
struct LinearSyntax {
    private let lines: FilterLines
    private var rest: ArraySlice<UInt8>
    private var output: [UInt8] = []

    /// - Returns: nil when the pattern uses anything that RE2 lacks or interprets differently.
    static func translated(_ pattern: [UInt8], _ lines: FilterLines) -> [UInt8]? {
        var translation = LinearSyntax(lines: lines, rest: pattern[...])
        while let byte = translation.rest.popFirst() {
            guard translation.take(byte) else { return nil }
        }
        return translation.output
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "\\": return takeEscape(inClass: false)
        case "[": return takeClass()
        case "(": return takeGroup()
        case "{": return takeRepetition()
        case ".": write(lines == .dotMatchesAll ? "." : #"[^\n-\r]"#)
        case "^": write(lines == .anchorsMatchLines ? "(?m:^)" : "^")
        case "$": write(lines == .anchorsMatchLines ? #"(?:\r?(?m:$))"# : #"(?:(?:\r\n|[\n-\r])?\z)"#)
        default: output.append(byte)
        }
        return true
    }

    private mutating func write(_ text: StaticString) {
        output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Non-capturing groups, and those that ignore case.
    private mutating func takeGroup() -> Bool {
        output.append(UInt8(ascii: "("))
        guard rest.first == UInt8(ascii: "?") else { return true }
        guard let start = Self.groups.first(where: { rest.starts(with: $0.utf8) }) else { return false }
        rest = rest.dropFirst(start.utf8.count)
        output.append(contentsOf: start.utf8)
        return true
    }

    private static let groups = ["?:", "?i:", "?i)"]

    /// `{2}`, `{2,}` or `{2,3}`. RE2 takes a number with leading zeros for literal text.
    private mutating func takeRepetition() -> Bool {
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else { return false }
        let bounds = rest[..<end].split(separator: UInt8(ascii: ","), maxSplits: 1, omittingEmptySubsequences: false)
        output.append(UInt8(ascii: "{"))
        return bounds.enumerated().allSatisfy { $0 == 1 && $1.isEmpty || Self.isPlainNumber($1) }
    }

    private static func isPlainNumber(_ digits: ArraySlice<UInt8>) -> Bool {
        let isPlain = digits.count == 1 || digits.first != UInt8(ascii: "0")
        return isPlain && !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
    }

    private mutating func takeEscape(inClass: Bool) -> Bool {
        guard let byte = rest.popFirst(), byte < 0x80 else { return false }
        let scalar = Unicode.Scalar(byte)
        switch scalar {
        case "s": write(inClass ? #"\t-\r "# : #"[\t-\r ]"#)
        case "S" where !inClass: write(#"[^\t-\r ]"#)
        case "b", "B", "A", "z":
            guard !inClass else { return false }
            output += [UInt8(ascii: "\\"), byte]
        case "d", "D", "w", "W", "n", "r", "t", "f", "a", "x": output += [UInt8(ascii: "\\"), byte]
        case "_", "a"..."z", "A"..."Z", "0"..."9", "\0"..." ", "\u{7f}": return false
        default: output += [UInt8(ascii: "\\"), byte]
        }
        return true
    }

    /// A character class without nested classes.
    private mutating func takeClass() -> Bool {
        output.append(UInt8(ascii: "["))
        if rest.first == UInt8(ascii: "^"), let byte = rest.popFirst() { output.append(byte) }
        guard rest.first != UInt8(ascii: "]") else { return false }
        while let byte = rest.popFirst() {
            switch Unicode.Scalar(byte) {
            case "]":
                output.append(byte)
                return true
            case "\\":
                guard takeEscape(inClass: true) else { return false }
            case "[", "{", "}", "$": return false
            case "&" where rest.first == byte, "-" where rest.first == byte: return false
            // ICU reads a range from & as starting at the character before it.
            case "&" where rest.first == UInt8(ascii: "-"): return false
            default: output.append(byte)
            }
        }
        return false
    }
}
