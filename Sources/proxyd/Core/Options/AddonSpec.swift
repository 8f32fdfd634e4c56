package import AddonProtocol

/// An addon that the daemon starts itself, from `addons:` in the config file or `--addon 'NAME=COMMAND'`.
package struct AddonSpec: Sendable, Equatable {
    /// 1 to 64 letters, digits, `.`, `_` or `-`.
    package var name: String
    /// Run by `/bin/sh -c`.
    package var command: String
    /// Nil: what the addon itself asks for.
    package var onFailure: FailurePolicy?
    /// Milliseconds for one event; nil: what the addon itself asks for.
    package var timeoutMs: Int?

    package init(name: String, command: String, onFailure: FailurePolicy? = nil, timeoutMs: Int? = nil) {
        self.name = name
        self.command = command
        self.onFailure = onFailure
        self.timeoutMs = timeoutMs
    }

    /// Reads `NAME=COMMAND`; nil when the name or the command is not well formed.
    init?(parsing text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = String(text[..<equals])
        let command = String(text[text.index(after: equals)...])
        guard Self.isName(name), Self.isCommand(command) else { return nil }
        self.init(name: name, command: command)
    }

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    static func isCommand(_ text: String) -> Bool {
        text.contains { !$0.isWhitespace } && !text.unicodeScalars.contains("\0")
    }
}
