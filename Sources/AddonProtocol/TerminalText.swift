/// Escapes everything that could control a terminal or break a line: `\n`, `\x1b`, `\u{202e}`.
package func escapedForTerminal(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return text }
    return text.unicodeScalars.reduce(into: "") { $0 += escapedForTerminal($1) }
}

/// The same for bytes. When they are not UTF-8, each byte beyond ASCII becomes `\xNN`.
package func escapedForTerminal(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return escapedForTerminal(text) }
    return bytes.reduce(into: "") { result, byte in
        result += byte < 0x80 ? escapedForTerminal(Unicode.Scalar(byte)) : hexEscape(byte)
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
