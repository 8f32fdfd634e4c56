import AddonProtocol
import AddonSDK
package import ArgumentParser
import Glibc

/// A subcommand that talks to a running daemon over its addon socket, with calls that any program may make.
///
/// Exit codes: 0 done; 1 no daemon, no answer, or nothing found; 2 invalid input from the user; 130 ended by Ctrl-C before
/// it was done (0 for a tool that watches until Ctrl-C).
protocol Tool: ParsableCommand, Sendable {
    var tool: ToolOptions { get }
    /// Whether Ctrl-C is the usual way to end the tool.
    var isWatching: Bool { get }
    func work() async throws
}

extension Tool {
    var isWatching: Bool { false }

    func run() throws {
        ToolProcess.run(isWatching: isWatching) { try await work() }
    }

    /// Connects as `proxyd-NAME`, the name by which the daemon's log and the rights in `grants` know the tool.
    func connect(
        _ subscriptions: [Subscription] = [],
        receive: @escaping Daemon.Receiver = { _ in nil }
    ) async throws -> Daemon {
        try await tool.connect(as: Self.configuration.commandName ?? "tool", subscriptions, receive: receive)
    }

    /// Prints the answer to a call, as JSON or formatted by `text`.
    func show(_ answer: JSONValue, _ text: (JSONValue) -> [String]) {
        if tool.json { return Output.line(JSONText.line(answer)) }
        Output.lines(text(answer))
    }
}

/// The flags of every tool.
package struct ToolOptions: ParsableArguments, Sendable {
    /// Which daemon to connect to.
    @OptionGroup package var daemon: DaemonSocket
    /// The path of the daemon's socket; nil: the default.
    package var socket: String? { daemon.socket }

    @Flag(help: "Print JSON for programs, one value a line.")
    /// Whether output is JSON for programs.
    package var json = false

    /// Leaves every flag at its default.
    package init() {}
}

extension ToolOptions {
    /// The prefix of the names by which the daemon knows the tools.
    static let namePrefix = "proxyd-"

    /// How long a daemon may take to answer `initialize`.
    static let patience = Duration.seconds(5)

    /// Connects as `proxyd-NAME`.
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
