package import AddonProtocol

/// An addon that the daemon starts itself, from `addons:` in the config file or `--addon 'NAME=COMMAND'`.
package struct AddonSpec: Sendable, Equatable {
    /// 1 to 64 letters, digits, `.`, `_` or `-`.
    package var name: String
    /// The command line, which `/bin/sh -c` runs.
    package var command: String
    /// The failure policy; nil means the one that the addon asks for.
    package var onFailure: FailurePolicy?
    /// The deadline for one event, in milliseconds; nil means the one that the addon asks for.
    package var timeoutMs: ReplyTimeout?
    /// The events it is assumed to want until it subscribes; nil means every event at which a client can be told of a
    /// refusal.
    var events: [Subscription]?
    /// `events` as the user wrote it.
    var givenEvents: JSONValue?
    /// How many processes run the command.
    package var processes = 1
    /// The user that it runs as; nil means the daemon's.
    var user: String?
    /// Its working directory; nil means the daemon's.
    var cwd: UserPath?
    /// Environment variables, added to those that it inherits.
    var environment: [String: String] = [:]
    var inheritsEnvironment = true
    var limits = ResourceLimits()
    /// Header fields whose values are hidden from it.
    var redact: [String] = []
    /// The addon that this process belongs to; nil when the addon is a single process.
    package private(set) var pool: String?

    /// Creates a single-process addon that inherits the daemon's user, directory and limits.
    package init(name: String, command: String, onFailure: FailurePolicy? = nil, timeoutMs: ReplyTimeout? = nil) {
        self.name = name
        self.command = command
        self.onFailure = onFailure
        self.timeoutMs = timeoutMs
    }

    /// Whether any event may wait for it indefinitely.
    var hasNoTimeout: Bool {
        timeoutMs == .never || (events ?? []).contains { $0.timeoutMilliseconds == .never }
    }

    /// Reads `NAME=COMMAND` or `NAME*PROCESSES=COMMAND`; nil when a part is malformed.
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

    /// Each process as an addon with its own name: `NAME`, `NAME#2`, `NAME#3` …
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

    /// Whether this is the addon `name` or one of its processes.
    func belongs(to name: String) -> Bool { self.name == name || pool == name }

    static let processLimit = 64

    static func isProcessCount(_ count: Int) -> Bool { (1...processLimit).contains(count) }

    /// Whether the text is a valid name.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    /// Whether the text is a valid command.
    static func isCommand(_ text: String) -> Bool {
        text.contains { !$0.isWhitespace } && !text.unicodeScalars.contains("\0")
    }
}
