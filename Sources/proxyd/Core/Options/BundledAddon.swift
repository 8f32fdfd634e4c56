import AddonProtocol
import Foundation

/// An addon that comes with proxyd and that an option has the daemon start, behind those of `addons`.
package struct BundledAddon: Sendable {
    /// Whose name no entry of `addons` may have.
    package let name: String
    /// The option that has it started.
    let option: String
    /// A subcommand of this program, and what it is told.
    let arguments: [String]

    static let inspectorName = "inspector"
    package static let serverReplayName = "server-replay"
    /// The subcommand of server replay.
    package static let serverReplayCommand = "serve-replay"
    /// What does as rules say. Its process reads its options from the daemon.
    package static let rulesName = "proxyd-rules"

    /// Those that are subcommands of proxyd, as the options want them, in the order in which they have their events.
    static func wanted(by options: Options) -> [BundledAddon] {
        var wanted: [BundledAddon] = []
        if !options.replayFrom.isEmpty {
            let arguments = [serverReplayCommand, "--"] + options.replayFrom.map(\.path)
            wanted.append(BundledAddon(name: serverReplayName, option: "replay_from", arguments: arguments))
        }
        if options.hasRules { wanted.append(BundledAddon(name: rulesName, option: "rules", arguments: ["rules"])) }
        return wanted
    }
}

extension AddonSpec {
    /// One that is started without a shell around it.
    init(bundled name: String, _ program: String, _ arguments: [String], onFailure: FailurePolicy?) {
        let words = ([program] + arguments).map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        self.init(name: name, command: "exec " + words.joined(separator: " "), onFailure: onFailure)
    }
}

extension Options {
    /// The names of the addons that options other than `addons` have the daemon start, and these options.
    var bundledAddons: [(name: String, option: String)] {
        (web ? [(BundledAddon.inspectorName, "web")] : []) + BundledAddon.wanted(by: self).map { ($0.name, $0.option) }
    }

    /// Whether the daemon starts an addon of this name.
    func starts(_ name: String) -> Bool {
        addons.contains { $0.name == name } || bundledAddons.contains { $0.name == name }
    }

    /// Whether there are rules for the addon that does what they say.
    fileprivate var hasRules: Bool {
        rules != nil || ![mapRemote, mapLocal, modifyHeaders, modifyBody, blockList].allSatisfy(\.isEmpty)
    }
}
