import AddonProtocol
import Foundation

/// An addon that ships with proxyd and that an option turns on; it runs after those of `addons`.
package struct BundledAddon: Sendable {
    /// Its reserved name: no entry of `addons` may use it.
    package let name: String
    /// The option that turns it on.
    let option: String
    /// The subcommand of this program that runs it, and its arguments.
    let arguments: [String]

    static let inspectorName = "inspector"
    /// The name of the server replay addon.
    package static let serverReplayName = "server-replay"
    /// The subcommand that runs server replay.
    package static let serverReplayCommand = "serve-replay"
    /// The addon that applies rules. Its process reads its options from the daemon.
    package static let rulesName = "proxyd-rules"

    /// The bundled addons that the options ask for and that are subcommands of proxyd, in chain order.
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
    /// Creates an addon whose process replaces its shell (`exec`).
    init(bundled name: String, _ program: String, _ arguments: [String], onFailure: FailurePolicy?) {
        let words = ([program] + arguments).map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        self.init(name: name, command: "exec " + words.joined(separator: " "), onFailure: onFailure)
    }
}

extension Options {
    /// The names of the addons that options other than `addons` start, each with its option.
    var bundledAddons: [(name: String, option: String)] {
        (web ? [(BundledAddon.inspectorName, "web")] : []) + BundledAddon.wanted(by: self).map { ($0.name, $0.option) }
    }

    /// Whether the daemon starts an addon of this name.
    func starts(_ name: String) -> Bool {
        addons.contains { $0.name == name } || bundledAddons.contains { $0.name == name }
    }

    /// Whether there are any rules for `proxyd-rules` to apply.
    fileprivate var hasRules: Bool {
        rules != nil || ![mapRemote, mapLocal, modifyHeaders, modifyBody, blockList].allSatisfy(\.isEmpty)
    }
}
