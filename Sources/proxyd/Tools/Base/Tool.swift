import AddonProtocol
import AddonSDK
package import ArgumentParser
import Glibc

/// A subcommand that talks to a running daemon, over its addon socket, with calls that any program may make.
///
/// Exit codes: 0 done; 1 no daemon, no answer, or nothing found; 2 a fault in what the user gave; 130 ended by Ctrl-C before
/// it was done, 0 for a tool that watches until then.
protocol Tool: ParsableCommand, Sendable {
    var tool: ToolOptions { get }
    /// Whether Ctrl-C is the usual end.
    var isWatching: Bool { get }
    func work() async throws
}

extension Tool {
    var isWatching: Bool { false }

    func run() throws {
        ToolProcess.run(isWatching: isWatching) { try await work() }
    }

    /// A connection as `proxyd-NAME`, with which the daemon's log and the rights in `grants` know the tool.
    func connect(
        _ subscriptions: [Subscription] = [],
        receive: @escaping Daemon.Receiver = { _ in nil }
    ) async throws -> Daemon {
        try await tool.connect(as: Self.configuration.commandName ?? "tool", subscriptions, receive: receive)
    }

    /// Prints the answer to a call as JSON, or else as `text` has it.
    func show(_ answer: JSONValue, _ text: (JSONValue) -> [String]) {
        if tool.json { return Output.line(JSONText.line(answer)) }
        Output.lines(text(answer))
    }
}

/// The flags of every tool.
package struct ToolOptions: ParsableArguments, Sendable {
    @OptionGroup package var daemon: DaemonSocket
    package var socket: String? { daemon.socket }

    @Flag(help: "Print JSON for programs, one value a line.")
    package var json = false

    package init() {}
}

extension ToolOptions {
    /// What the names begin with under which the daemon knows the tools.
    static let namePrefix = "proxyd-"

    /// How long a daemon may take to answer `initialize`.
    static let patience = Duration.seconds(5)

    /// A connection as `proxyd-NAME`.
    func connect(
        as name: String,
        _ subscriptions: [Subscription] = [],
        receive: @escaping Daemon.Receiver = { _ in nil }
    ) async throws -> Daemon {
        let path = socket ?? Daemon.defaultSocket
        let watchdog = Task {
            try await Task.sleep(for: Self.patience)
            ToolProcess.fail(ToolFailure.nothing("\(path): the daemon does not answer"))
        }
        defer { watchdog.cancel() }
        let daemon = try await Daemon(
            socket: path,
            name: Self.namePrefix + name,
            subscriptions: subscriptions,
            receive: receive
        )
        ToolProcess.connected(to: daemon)
        return daemon
    }
}
