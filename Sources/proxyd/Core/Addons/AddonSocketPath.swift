import AddonProtocol
import Foundation

extension Options {
    /// The path of the addon socket: that of the option, or the default.
    package var addonSocketPath: String {
        let environment = ProcessInfo.processInfo.environment
        return addonSocket?.path ?? DefaultSocketPath.of(environment: { environment[$0] }, user: getuid())
    }

    /// Whether another daemon is using it.
    package var isAddonSocketServed: Bool { AddonSocketFile.isServed(addonSocketPath) }
}
