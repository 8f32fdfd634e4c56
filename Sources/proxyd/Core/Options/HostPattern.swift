import AddonProtocol

/// A regular expression for `HOST:PORT`, found anywhere in it without regard to case, and compiled once.
struct HostPattern: Sendable, Equatable {
    let text: String
    private let expression: RegularExpression

    /// Nil when it is no regular expression.
    init?(parsing text: String) {
        guard !text.isEmpty, let expression = try? RegularExpression(text, .one) else { return nil }
        self.text = text
        self.expression = expression
    }

    static func == (one: HostPattern, other: HostPattern) -> Bool { one.text == other.text }

    /// What cannot be decided within `Limits.shortSearch` does not match.
    func matches(_ host: String) -> Bool { expression.isFound(in: Array(host.utf8)) ?? false }
}

extension [HostPattern] {
    func match(anyOf hosts: [String]) -> Bool {
        contains { pattern in hosts.contains(where: pattern.matches) }
    }
}

extension Options {
    /// Whether connections to a server with these `HOST:PORT` names are passed through unseen.
    func ignores(_ hosts: [String]) -> Bool {
        ignoreHosts.match(anyOf: hosts) || (!allowHosts.isEmpty && !allowHosts.match(anyOf: hosts))
    }
}

extension OptionKind where Value == [HostPattern] {
    static var hostPatterns: Self {
        .list(
            allowed: "a list of regular expressions for HOST:PORT",
            parse: { HostPattern(parsing: $0) },
            text: \.text
        )
    }
}
