import AddonProtocol

/// A regular expression that is searched for in `HOST:PORT`, case-insensitively, and compiled once.
struct HostPattern: Sendable, Equatable {
    let text: String
    private let expression: RegularExpression

    /// Nil when the text is not a valid regular expression.
    init?(parsing text: String) {
        guard !text.isEmpty, let expression = try? RegularExpression(text, .one) else { return nil }
        self.text = text
        self.expression = expression
    }

    static func == (one: HostPattern, other: HostPattern) -> Bool { one.text == other.text }

    /// Returns false when the search takes longer than `Limits.shortSearch`.
    func matches(_ host: String) -> Bool { expression.isFound(in: Array(host.utf8)) ?? false }
}

extension [HostPattern] {
    /// Whether any pattern matches any of the hosts.
    func match(anyOf hosts: [String]) -> Bool {
        contains { pattern in hosts.contains(where: pattern.matches) }
    }
}

extension Options {
    /// Whether connections to a server with these `HOST:PORT` names are tunnelled without interception.
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
