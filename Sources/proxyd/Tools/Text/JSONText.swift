package import AddonProtocol

/// JSON for terminals and programs. Control characters are escaped, so the JSON is equivalent and cannot control a terminal.
package enum JSONText {
    /// The value on one line.
    package static func line(_ value: JSONValue) -> String { escaped(value.description) }

    /// The value indented by two spaces a level; short values stay on their line.
    static func pretty(_ value: JSONValue, indent: String = "") -> [String] {
        let inline = line(value)
        let isSmall = inline.count + indent.count <= 60
        switch value {
        case .object(let members) where !members.isEmpty && !isSmall:
            let lines = members.enumerated().flatMap { index, member in
                entry(
                    line(.string(member.name)) + ": ",
                    member.value,
                    indent: indent,
                    isLast: index == members.count - 1
                )
            }
            return ["{"] + lines + [indent + "}"]
        case .array(let elements) where !elements.isEmpty && !isSmall:
            let lines = elements.enumerated().flatMap { index, element in
                entry("", element, indent: indent, isLast: index == elements.count - 1)
            }
            return ["["] + lines + [indent + "]"]
        default: return [inline]
        }
    }

    private static func entry(_ name: String, _ value: JSONValue, indent: String, isLast: Bool) -> [String] {
        let inner = indent + "  "
        var lines = pretty(value, indent: inner)
        lines[0] = inner + name + lines[0]
        if !isLast { lines[lines.count - 1] += "," }
        return lines
    }

    private static func escaped(_ json: String) -> String {
        if json.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return json }
        return json.unicodeScalars.reduce(into: "") { result, scalar in
            let isHarmless = scalar.value > 0x9f && escapedForTerminal(String(scalar)).unicodeScalars.first == scalar
            if (0x20..<0x7f).contains(scalar.value) || isHarmless {
                result.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 { result += unicodeEscape(unit) }
            }
        }
    }

    private static func unicodeEscape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
