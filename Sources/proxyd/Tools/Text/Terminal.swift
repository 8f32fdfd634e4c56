import Glibc

/// What the terminal at stdout can show.
struct Terminal: Sendable {
    var isTerminal: Bool
    var isColoured: Bool
    /// The width in columns; nil: lines are not cut.
    var width: Int?

    static let plain = Terminal(isTerminal: false, isColoured: false, width: nil)

    /// The current stdout. Colours are used on terminals only, not on a `dumb` one, and not when `NO_COLOR` is set.
    static var standard: Terminal {
        guard isatty(STDOUT_FILENO) == 1 else { return plain }
        return Terminal(
            isTerminal: true,
            isColoured: environment("NO_COLOR") == nil && environment("TERM") != "dumb",
            width: columns
        )
    }

    func styled(_ text: String, _ style: Style?) -> String {
        guard isColoured, let style, !text.isEmpty else { return text }
        return "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m"
    }

    private static var columns: Int {
        var size = winsize()
        if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment("COLUMNS").flatMap { Int($0) } ?? 80
    }

    /// The value of a variable; nil when it is unset or empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

/// A text style, by its SGR code (ECMA-48).
enum Style: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
}

/// The number of columns that a text without control characters takes.
func columns(of text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.reduce(0) { $0 + columns(of: $1) }
}

private func columns(of character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        return 2
    default: return 1
    }
}

/// The text if it fits, otherwise as much of it as fits, followed by `…`.
func cut(_ text: String, toColumns width: Int) -> String {
    guard columns(of: text) > width else { return text }
    var (result, used) = ("", 0)
    for character in text {
        used += columns(of: character)
        if used > width - 1 { break }
        result.append(character)
    }
    return width > 0 ? result + "…" : ""
}
