import AddonProtocol
import Glibc

/// /// Which addons a line of `grants` or `redact` applies to: `NAME`, `*`, or `uid=N`.
enum AddonMatch: Sendable, Equatable {
    case everyone
    case name(String)
    case uid(UInt32)

    /// Nil for empty text and for an invalid uid.
    init?(parsing text: String) {
        if text == "*" {
            self = .everyone
        } else if text.hasPrefix("uid=") {
            guard let uid = UInt32(text.dropFirst(4)) else { return nil }
            self = .uid(uid)
        } else {
            guard !text.isEmpty else { return nil }
            self = .name(text)
        }
    }

    /// Splits `WHO:WHAT` at its last colon, because names may contain colons.
    static func split(_ text: String) -> (who: AddonMatch, what: String)? {
        guard let colon = text.lastIndex(of: ":"), let who = AddonMatch(parsing: String(text[..<colon])) else {
            return nil
        }
        return (who, String(text[text.index(after: colon)...]))
    }

    /// Whether the line applies to the addon.
    func matches(_ addon: AddonIdentity) -> Bool {
        switch self {
        case .everyone: true
        case .name(let name): addon.name == name
        case .uid(let uid): addon.uid == uid && !addon.isSpawned
        }
    }
}

/// Who an addon is, as far as the daemon can tell.
struct AddonIdentity: Sendable, Equatable {
    /// The name under which the daemon started it, or the one that the addon gave itself.
    var name: String
    /// The uid that it runs as.
    var uid: UInt32
    /// Whether the daemon started it, which its token proves.
    var isSpawned: Bool

    init(_ registration: Registration, _ spec: AddonSpec?, uid: UInt32) {
        name = spec.map { $0.pool ?? $0.name } ?? registration.name
        self.uid = uid
        isSpawned = spec != nil
    }

    /// The identity of an addon that the daemon is about to start.
    init(declared spec: AddonSpec) {
        name = spec.pool ?? spec.name
        uid = getuid()
        isSpawned = true
    }

    /// Whether it runs as the daemon's user or as root, who could do anything anyway.
    var isOfDaemonsUser: Bool { uid == getuid() || uid == 0 }

    /// Whether both run as the same user, where root counts as the daemon's user.
    func isOfOneUser(with other: AddonIdentity) -> Bool {
        uid == other.uid || (isOfDaemonsUser && other.isOfDaemonsUser)
    }
}
