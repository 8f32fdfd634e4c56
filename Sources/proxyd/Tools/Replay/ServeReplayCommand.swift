import AddonProtocol
import AddonSDK
import ArgumentParser
import ProxyCore

struct ServeReplayCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: ReplayFiles.subcommand,
        abstract: "Answer requests from recorded flows, as an addon of a running daemon, until Ctrl-C.",
        discussion: """
            `proxyd run --replay-from FILE` starts one with the daemon. FILE is a HAR, or a recording of `proxyd record` or the inspector; \
            it is reread when it changes. The options server_replay_… say which requests match, and what happens to \
            others: `proxyd options` lists them while this runs.

            EXAMPLES
              proxyd serve-replay session.har
              proxyd options server_replay_extra=404
            """
    )

    @Argument(help: ArgumentHelp("Files of recorded flows.", valueName: "file"), completion: .file())
    var files: [String]

    @OptionGroup var daemon: DaemonSocket

    func run() throws {
        ToolProcess.run(isWatching: true, finishes: true) {
            // The daemon has checked the files of the one that it starts.
            if Terminal.environment("PROXYD_ADDON_TOKEN") == nil { try ReplayFiles.check(files) }
            try await ServerReplay(files).run(socket: daemon.socket)
        }
    }
}

/// The files of `proxyd run --replay-from`.
package enum ReplayFiles {
    static let subcommand = BundledAddon.serverReplayCommand

    /// - Throws: when one of them cannot be read to its end, naming the place that is broken.
    package static func check(_ paths: [String]) throws {
        for path in paths {
            do throws(FlowFileError) {
                _ = try RecordedFlows<Void>(path: path) { _, _ in nil }
            } catch {
                throw ToolFailure.usage("\(error)")
            }
        }
    }
}
