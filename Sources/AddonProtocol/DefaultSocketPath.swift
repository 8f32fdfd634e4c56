/// The path of the addon socket where no option or argument names one (docs/protocol.md, Transport).
///
/// The daemon, its commands and the Swift SDK share it. The other SDKs have copies; `Tests/fixtures/socket_paths.json` holds all of
/// them to the same rule.
package enum DefaultSocketPath {
    /// - Parameters:
    ///   - environment: returns the value of a variable, or nil when it is not set.
    ///   - user: the user id of the process.
    package static func of(environment: (_ name: String) -> String?, user: UInt32) -> String {
        if let path = environment("PROXYD_ADDON_SOCKET"), !path.isEmpty { return path }
        // The XDG Base Directory Specification has relative paths ignored.
        if let folder = environment("XDG_RUNTIME_DIR"), folder.utf8.first == UInt8(ascii: "/") {
            return "\(folder)/proxyd/addon.sock"
        }
        return user == 0 ? "/run/proxyd/addon.sock" : "/tmp/proxyd-\(user)/addon.sock"
    }
}
