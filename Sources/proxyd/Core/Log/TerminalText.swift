/// The text with everything that could steer a terminal or break a line written out: `\n`, `\x1b`, `\u{202e}`.
func escapedForTerminal(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return text }
    return text.unicodeScalars.reduce(into: "") { $0 += escapedForTerminal($1) }
}

/// The same for bytes. When they are not UTF-8, each byte beyond ASCII is written as `\xNN`.
func escapedForTerminal(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return escapedForTerminal(text) }
    return bytes.reduce(into: "") { result, byte in
        result += byte < 0x80 ? escapedForTerminal(Unicode.Scalar(byte)) : hexEscape(byte)
    }
}

extension [UInt8] {
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Appends a number that is not negative.
    mutating func append(_ number: Int) {
        if number > 9 { append(number / 10) }
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    /// Appends the text with everything written out that could steer a terminal.
    mutating func append(escaped text: String) {
        var text = text
        text.withUTF8 { append(escaped: $0) }
    }

    mutating func append(escaped bytes: some Collection<UInt8>) {
        if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return append(contentsOf: bytes) }
        append(contentsOf: escapedForTerminal(bytes).utf8)
    }

    /// Begins a line of its own, set in; tabs stay.
    mutating func append(indented bytes: some Collection<UInt8>) {
        append("\n")
        if !bytes.isEmpty { append("    ") }
        for (index, part) in bytes.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).enumerated() {
            if index > 0 { append("\t") }
            append(escaped: part)
        }
    }

    mutating func append(indented text: String) {
        append(indented: text.utf8)
    }
}

private func escapedForTerminal(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control: return hexEscape(UInt8(truncatingIfNeeded: scalar.value))
    case .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        return "\\u{\(String(scalar.value, radix: 16))}"
    default: return String(Character(scalar))
    }
}

private func hexEscape(_ byte: UInt8) -> String {
    (byte < 0x10 ? "\\x0" : "\\x") + String(byte, radix: 16)
}
