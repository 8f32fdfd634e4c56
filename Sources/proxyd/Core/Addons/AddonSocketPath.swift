import Foundation

extension Options {
    /// Where the addon socket is: as set, or where addons and tools look for it (`PROXYD_ADDON_SOCKET`), or the user's own runtime
    /// folder, or root's, or a folder in /tmp.
    package var addonSocketPath: String {
        let environment = ProcessInfo.processInfo.environment
        if let path = addonSocket?.path ?? environment["PROXYD_ADDON_SOCKET"], !path.isEmpty { return path }
        return defaultAddonSocketPath(runtimeFolder: environment["XDG_RUNTIME_DIR"], uid: getuid())
    }

    /// Whether another daemon has it.
    package var isAddonSocketServed: Bool { AddonSocketFile.isServed(addonSocketPath) }
}

func defaultAddonSocketPath(runtimeFolder: String?, uid: UInt32) -> String {
    if let runtimeFolder, runtimeFolder.hasPrefix("/") { return runtimeFolder + "/proxyd/addon.sock" }
    return uid == 0 ? "/run/proxyd/addon.sock" : "/tmp/proxyd-\(uid)/addon.sock"
}
