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
    package var timeoutMs: ReplyTimeout?
    /// What it is taken to want before it has said so; nil: every event in which a client can be told why it is refused.
    var events: [Subscription]?
    /// The same as it was written.
    var givenEvents: JSONValue?
    /// How many processes are to run the command.
    package var processes = 1
    /// The user that it runs as; nil: the daemon's.
    var user: String?
    /// Where it runs; nil: where the daemon does.
    var cwd: UserPath?
    /// Variables of its environment, beside what it inherits.
    var environment: [String: String] = [:]
    var inheritsEnvironment = true
    var limits = ResourceLimits()
    /// Header fields whose values it is not shown.
    var redact: [String] = []
    /// The addon of which this is one process; nil: the addon is one process.
    package private(set) var pool: String?

    package init(name: String, command: String, onFailure: FailurePolicy? = nil, timeoutMs: ReplyTimeout? = nil) {
        self.name = name
        self.command = command
        self.onFailure = onFailure
        self.timeoutMs = timeoutMs
    }

    /// Whether any event may wait for it without end.
    var hasNoTimeout: Bool {
        timeoutMs == .never || (events ?? []).contains { $0.timeoutMilliseconds == .never }
    }

    /// Reads `NAME=COMMAND` or `NAME*PROCESSES=COMMAND`; nil when one of them is not well formed.
    init?(parsing text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let parts = text[..<equals].split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        let command = String(text[text.index(after: equals)...])
        guard let name = parts.first.map(String.init), Self.isName(name), Self.isCommand(command) else { return nil }
        self.init(name: name, command: command)
        guard parts.count > 1 else { return }
        guard let processes = Int(parts[1]), Self.isProcessCount(processes) else { return nil }
        self.processes = processes
    }

    /// Each process as an addon of its own, with a name of its own: `NAME`, `NAME#2`, `NAME#3` …
    var instances: [AddonSpec] {
        guard processes > 1 else { return [self] }
        return (1...processes).map { number in
            var instance = self
            instance.processes = 1
            instance.pool = name
            if number > 1 { instance.name += "#\(number)" }
            return instance
        }
    }

    /// Whether this is the addon `name`, or one process of it.
    func belongs(to name: String) -> Bool { self.name == name || pool == name }

    static let processLimit = 64

    static func isProcessCount(_ count: Int) -> Bool { (1...processLimit).contains(count) }

    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    static func isCommand(_ text: String) -> Bool {
        text.contains { !$0.isWhitespace } && !text.unicodeScalars.contains("\0")
    }
}
