/// A regular expression in the syntax of Python's `re`, translated for ICU.
struct PythonPattern {
    /// As it was written.
    let text: String
    /// Whether it is for bytes, as that of mitmproxy's `modify_body`: then `\w`, `\d` and `\s` are ASCII's.
    let isOfBytes: Bool
    private(set) var translatedBytes: [UInt8] = []
    /// The numbers of the groups that have names.
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
        rest = bytes[...]
        while let byte = rest.popFirst() { take(byte) }
    }

    private mutating func take(_ byte: UInt8) {
        switch Unicode.Scalar(byte) {
        case "\\": takeEscape()
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

    /// ICU's names have no underscore, so groups go by their numbers.
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
        } else {
            write("(")
        }
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
