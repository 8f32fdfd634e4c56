import AddonProtocol
import AddonSDK
import ArgumentParser

struct LogCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Follow the daemon's log until Ctrl-C, or write an entry to it.",
        discussion: """
            Following starts with the entries logged from now on. `--follow` is the default and may be omitted.

            EXAMPLES
              proxyd log --level warn
              proxyd log 'the load test begins'
            """
    )

    enum Level: String, CaseIterable, ExpressibleByArgument, Sendable {
        case debug, info, warn, error

        var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    @Argument(help: "The entry to write; without it, the log is followed.")
    var message: String?

    @Flag(name: .shortAndLong, help: "Follow the log.")
    var follow = false

    @Option(help: "The lowest level to show, or the level of the entry to write.")
    var level: Level = .info

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { message == nil }

    func validate() throws {
        if message?.isEmpty ?? false {
            throw ValidationError("the entry to write is empty; leave it out to follow the log")
        }
        if follow, message != nil { throw ValidationError("--follow cannot be combined with an entry to write") }
    }

    func work() async throws {
        if let message {
            let daemon = try await connect()
            _ = try await daemon.call(.log, ["level": .string(level.rawValue), "msg": .string(message)])
            return
        }
        let daemon = try await connect([Subscription(event: .log, mode: .observe)]) { call in
            if call.method == "dropped" { Notice.dropped(call.params) }
            if call.method == Event.log.rawValue, let entry = call.params["entry"]?.value { print(entry) }
            return nil
        }
        await daemon.waitUntilClosed()
        throw DaemonError.connectionLost
    }

    private func print(_ entry: JSONValue) {
        guard let entryLevel = Level(rawValue: entry.text("level")), entryLevel.rank >= level.rank else { return }
        if tool.json { return Output.line(JSONText.line(entry)) }
        let terminal = Terminal.standard
        let style: Style? = entryLevel == .error ? .red : entryLevel == .warn ? .yellow : nil
        let source = entry.text("source") == "proxyd" ? "" : entry.text("source") + ": "
        let flow = entry["flow"]?.stringValue.map { "  [\(escapedForTerminal($0))]" } ?? ""
        let name = entryLevel.rawValue + String(repeating: " ", count: 5 - entryLevel.rawValue.count)
        let time = terminal.styled(Words.time(entry.seconds("timestamp") ?? 0), .dim)
        let words = escapedForTerminal(source + entry.text("msg"))
        Output.line("\(time) \(terminal.styled(name, style)) \(words)\(terminal.styled(flow, .dim))")
    }
}
