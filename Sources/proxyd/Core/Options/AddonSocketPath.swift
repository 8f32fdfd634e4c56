import Foundation

extension Options {
    /// Where the addon socket is: as set, or the user's own runtime folder, or root's, or a folder in /tmp.
    package var addonSocketPath: String {
        addonSocket?.path
            ?? defaultAddonSocketPath(
                runtimeFolder: ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"],
                uid: getuid()
            )
    }
}

func defaultAddonSocketPath(runtimeFolder: String?, uid: UInt32) -> String {
    if let runtimeFolder, runtimeFolder.hasPrefix("/") { return runtimeFolder + "/proxyd/addon.sock" }
    return uid == 0 ? "/run/proxyd/addon.sock" : "/tmp/proxyd-\(uid)/addon.sock"
}
