import AddonProtocol
import Foundation

/// The addons that come with the daemon, which options have it start behind all others.
extension Options {
    /// The names of those that these options ask for, each with the option.
    var bundledAddons: [(name: String, option: String)] {
        (web ? [(BundledInspector.name, "web")] : []) + (hasRules ? [(BundledRules.name, "rules")] : [])
    }

    /// Whether the daemon starts an addon of this name.
    func starts(_ name: String) -> Bool {
        addons.contains { $0.name == name } || bundledAddons.contains { $0.name == name }
    }

    /// Whether there are rules for the addon that does what they say.
    var hasRules: Bool {
        rules != nil || ![mapRemote, mapLocal, modifyHeaders, modifyBody, blockList].allSatisfy(\.isEmpty)
    }
}

/// The addon `proxyd-rules`, as `proxyd rules` runs it. It reads its options from the daemon.
package enum BundledRules {
    package static let name = "proxyd-rules"
    /// The options that it is told.
    static let options = Set(OptionCatalogue.rules.map(\.name))

    static var spec: AddonSpec { AddonSpec(bundled: name, AddonProcess.ownProgram, ["rules"]) }
}

extension AddonSpec {
    /// One whose failure is never the traffic's.
    init(bundled name: String, _ program: String, _ arguments: [String]) {
        let words = ([program] + arguments).map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
        self.init(name: name, command: "exec " + words.joined(separator: " "), onFailure: .open)
    }
}
