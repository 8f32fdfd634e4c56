import AddonProtocol

/// Bodies formatted for people: JSON and forms laid out, text as it is, everything else in hexadecimal.
enum BodyText {
    /// How much to dump of a body that is not text, in bytes.
    static let longestDump = 4096

    static func lines(_ bytes: [UInt8], type: String) -> [String] {
        if bytes.isEmpty { return [] }
        if isJSON(bytes, type), let json = try? JSONReader.read(bytes) { return JSONText.pretty(json) }
        guard let text = text(bytes, type), isText(bytes) else { return dump(bytes) }
        if type.hasPrefix("application/x-www-form-urlencoded") { return form(text, type) }
        return self.lines(of: text)
    }

    /// The lines of a text, with control characters escaped.
    static func lines(of text: String) -> [String] {
        // Split by scalars, since a Character may be CR and LF together.
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            escapedForTerminal(String(line.last == "\r" ? line.dropLast() : line).expandingTabs)
        }
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// `00000000  48 65 6c 6c 6f                                    Hello`
    static func dump(_ bytes: [UInt8]) -> [String] {
        let shown = bytes.prefix(longestDump)
        var lines = stride(from: 0, to: shown.count, by: 16).map { start in
            dumpLine(shown[start..<min(start + 16, shown.count)], at: start)
        }
        if bytes.count > longestDump { lines.append("… \(bytes.count - longestDump) more bytes") }
        return lines
    }

    private static func dumpLine(_ bytes: ArraySlice<UInt8>, at offset: Int) -> String {
        let digits = bytes.map { hex(Int($0), 2) }.joined(separator: " ")
        let text = bytes.map { (0x20..<0x7f).contains($0) ? String(Character(UnicodeScalar($0))) : "." }.joined()
        return "\(hex(offset, 8))  \(digits)\(String(repeating: " ", count: 47 - digits.count))  \(text)"
    }

    private static func hex(_ number: Int, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func isJSON(_ bytes: [UInt8], _ type: String) -> Bool {
        let media = type.prefix { $0 != ";" }
        return media.hasSuffix("json")
            || (media.isEmpty && ([UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[0])))
    }

    /// The body as text if it is UTF-8, or if its media type says ISO-8859-1; otherwise nil.
    private static func text(_ bytes: [UInt8], _ type: String) -> String? {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let isLatin = ["charset=iso-8859-1", "charset=latin1"].contains { type.replacing("\"", with: "").contains($0) }
        return isLatin ? String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) })) : nil
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        let controls = bytes.count { $0 < 0x20 && ![0x09, 0x0A, 0x0D, 0x1B].contains($0) }
        return !bytes.contains(0) && controls <= max(2, bytes.count / 50)
    }

    private static func form(_ text: String, _ type: String) -> [String] {
        text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { decoded($0, type) }
            return escapedForTerminal(parts.joined(separator: " = "))
        }
    }

    /// The decoded text, or the input when the decoded bytes are not text.
    private static func decoded(_ text: Substring, _ type: String) -> String {
        var (bytes, rest) = ([UInt8](), text.utf8[...])
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return self.text(bytes, type) ?? String(text)
    }
}

extension String {
    fileprivate var expandingTabs: String { replacing("\t", with: "    ") }
}
