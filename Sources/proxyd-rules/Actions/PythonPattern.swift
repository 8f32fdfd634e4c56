/// A regular expression in the syntax of Python's `re`, translated for ICU.
struct PythonPattern {
    /// The expression as it was written.
    let text: String
    /// Whether it matches bytes, as in mitmproxy's `modify_body`, so that `\w`, `\d` and `\s` are ASCII only.
    let isOfBytes: Bool
    /// The bytes of the expression, if all of them match themselves.
    let literal: [UInt8]?
    private(set) var translatedBytes: [UInt8] = []
    /// The numbers of the named groups.
    private(set) var groupNames: [String: Int] = [:]
    private var groups = 0
    private var isInClass = false
    private var rest: ArraySlice<UInt8> = []

    var translated: String { String(decoding: translatedBytes, as: UTF8.self) }

    init(_ text: String) { self.init(bytes: Array(text.utf8), text, isOfBytes: false) }

    init(ofBytes bytes: [UInt8]) { self.init(bytes: bytes, String(decoding: bytes, as: UTF8.self), isOfBytes: true) }

    private init(bytes: [UInt8], _ text: String, isOfBytes: Bool) {
        self.text = text
        self.isOfBytes = isOfBytes
        literal = !bytes.isEmpty && bytes.allSatisfy { !".^$*+?{}[]\\|()".utf8.contains($0) } ? bytes : nil
        rest = bytes[...]
        while let byte = rest.popFirst() { take(byte) }
    }

    private mutating func take(_ byte: UInt8) {
        switch Unicode.Scalar(byte) {
        case "\\": takeEscape()
        case "{" where !isInClass: write(takeRepetition() ?? "\\{")
        case "{", "}": write("\\\(Unicode.Scalar(byte))")
        case "[" where isInClass: write("\\[")
        case "&" where isInClass: write("\\&")
        case "[":
            isInClass = true
            translatedBytes.append(byte)
            if rest.first == UInt8(ascii: "^"), let byte = rest.popFirst() { translatedBytes.append(byte) }
            if rest.first == UInt8(ascii: "]") {
                rest = rest.dropFirst()
                write("\\]")
            }
        case "]":
            isInClass = false
            translatedBytes.append(byte)
        case "(" where !isInClass: takeGroup()
        default: translatedBytes.append(byte)
        }
    }

    /// Writes a named group by its number, since ICU's names allow no underscore.
    private mutating func takeGroup() {
        guard rest.first == UInt8(ascii: "?") else {
            groups += 1
            return write("(")
        }
        if let name = takeName(between: "?P<", ">") {
            groups += 1
            groupNames[name] = groups
            write("(")
        } else if let name = takeName(between: "?P=", ")") {
            write(groupNames[name].map { "(?:\\\($0))" } ?? "(?P=\(name))")
        } else if !takeFlags() {
            write("(")
        }
    }

    /// Translates `(?a)`, `(?i-s:` and so on; ICU has no flags for the kind of text.
    private mutating func takeFlags() -> Bool {
        let flags = rest.dropFirst().prefix { "aiLmsux-".utf8.contains($0) }
        guard !flags.isEmpty, let end = rest[flags.endIndex...].first, ":)".utf8.contains(end) else { return false }
        let known = String(decoding: flags.filter { !"aLu".utf8.contains($0) }, as: UTF8.self)
        rest = rest[(flags.endIndex + 1)...]
        if end == UInt8(ascii: ":") || !known.isEmpty { write("(?\(known)\(Unicode.Scalar(end))") }
        return true
    }

    /// What follows `{` when it begins `{m}`, `{m,}`, `{m,n}` or `{,n}`; nil: the brace stands for itself.
    private mutating func takeRepetition() -> String? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")), end > rest.startIndex else { return nil }
        let bounds = rest[..<end].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard bounds.count <= 2, bounds.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
        let texts = bounds.map { String(decoding: $0, as: UTF8.self) }
        rest = rest[(end + 1)...]
        return "{" + (texts[0].isEmpty ? "0" : texts[0]) + texts.dropFirst().map { "," + $0 }.joined() + "}"
    }

    /// Translates the digits of `\0`, since ICU requires at least one more.
    private mutating func takeOctal() {
        let digits = rest.prefix(2).prefix { (0x30...0x37).contains($0) }
        rest = rest[digits.endIndex...]
        write("\\x{\(String(digits.reduce(0) { $0 * 8 + Int($1) - 0x30 }, radix: 16))}")
    }

    private mutating func takeName(between start: String, _ end: Unicode.Scalar) -> String? {
        guard rest.starts(with: start.utf8) else { return nil }
        let name = rest.dropFirst(start.utf8.count).prefix { $0 != UInt8(ascii: end) }
        guard name.endIndex < rest.endIndex else { return nil }
        rest = rest[(name.endIndex + 1)...]
        return String(decoding: name, as: UTF8.self)
    }

    private mutating func takeEscape() {
        guard let byte = rest.popFirst() else { return write("\\") }
        switch Unicode.Scalar(byte) {
        case "0": takeOctal()
        case "Z" where !isInClass: write("\\z")
        case "d" where isOfBytes: write(isInClass ? "0-9" : "[0-9]")
        case "w" where isOfBytes: write(isInClass ? "a-zA-Z0-9_" : "[a-zA-Z0-9_]")
        case "s" where isOfBytes: write(isInClass ? "\\t-\\r " : "[\\t-\\r ]")
        case "D" where isOfBytes && !isInClass: write("[^0-9]")
        case "W" where isOfBytes && !isInClass: write("[^a-zA-Z0-9_]")
        case "S" where isOfBytes && !isInClass: write("[^\\t-\\r ]")
        default: translatedBytes += [UInt8(ascii: "\\"), byte]
        }
    }

    private mutating func write(_ text: String) { translatedBytes += text.utf8 }
}
