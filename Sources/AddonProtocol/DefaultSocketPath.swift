/// The path of the addon socket unless an option or argument names one (docs/protocol.md, Transport).
///
/// The daemon, its commands and the Swift SDK share this code. The other SDKs have copies;
/// `Tests/fixtures/socket_paths.json` holds all of them to the same rule.
/// them to the same rule.
package enum DefaultSocketPath {
    /// - Parameters:
    /// - environment: returns the value of a variable, or nil when it is not set.
    /// - user: the uid of the process.
    package static func of(environment: (_ name: String) -> String?, user: UInt32) -> String {
        if let path = environment("PROXYD_ADDON_SOCKET"), !path.isEmpty { return path }
        // The XDG Base Directory Specification says to ignore relative paths.
        if let folder = environment("XDG_RUNTIME_DIR"), folder.utf8.first == UInt8(ascii: "/") {
            return "\(folder)/proxyd/addon.sock"
        }
        return user == 0 ? "/run/proxyd/addon.sock" : "/tmp/proxyd-\(user)/addon.sock"
    }
}
