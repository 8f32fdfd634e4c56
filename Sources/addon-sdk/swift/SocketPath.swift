import AddonProtocol
import Glibc

/// Where the daemon listens for addons.
enum SocketPath {
    /// `PROXYD_ADDON_SOCKET`, or else the default path of this user.
    static func ofEnvironment() -> String { DefaultSocketPath.of(environment: environment, user: getuid()) }

    /// The one-time token of an addon that the daemon started; nil for one that attaches by itself.
    static func token() -> String? { environment("PROXYD_ADDON_TOKEN") }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
