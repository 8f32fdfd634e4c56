import AddonProtocol
import Foundation

/// An addon that comes with proxyd and that an option has the daemon start.
package struct BundledAddon: Sendable {
    /// Whose name no entry of `addons` may have.
    package let name: String
    /// The option that has it started.
    let option: String
    /// A subcommand of this program, and what it is told.
    let arguments: [String]

    package static let serverReplayName = "server-replay"
    /// The subcommand of server replay.
    package static let serverReplayCommand = "serve-replay"

    /// Those that are subcommands of proxyd, as the options want them, in the order in which they have their events.
    static func wanted(by options: Options) -> [BundledAddon] {
        guard !options.replayFrom.isEmpty else { return [] }
        let files = options.replayFrom.map(\.path)
        return [
            BundledAddon(name: serverReplayName, option: "replay_from", arguments: [serverReplayCommand, "--"] + files)
        ]
    }

    var spec: AddonSpec {
        AddonSpec(name: name, command: Self.command([AddonProcess.ownProgram] + arguments))
    }

    /// What `/bin/sh` runs in its own place.
    static func command(_ words: [String]) -> String {
        "exec " + words.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }.joined(separator: " ")
    }
}

extension Options {
    /// The names of the addons that options other than `addons` have the daemon start, and these options.
    var bundledAddons: [(name: String, option: String)] {
        (web ? [(BundledInspector.name, "web")] : []) + BundledAddon.wanted(by: self).map { ($0.name, $0.option) }
    }

    /// Whether the daemon starts an addon of this name.
    func starts(_ name: String) -> Bool {
        addons.contains { $0.name == name } || bundledAddons.contains { $0.name == name }
    }
}
