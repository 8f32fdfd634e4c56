import AddonProtocol
import Foundation

extension Options {
    /// Where the addon socket is: as the option says, or else where addons and tools look for it.
    package var addonSocketPath: String {
        let environment = ProcessInfo.processInfo.environment
        return addonSocket?.path ?? DefaultSocketPath.of(environment: { environment[$0] }, user: getuid())
    }

    /// Whether another daemon has it.
    package var isAddonSocketServed: Bool { AddonSocketFile.isServed(addonSocketPath) }
}
