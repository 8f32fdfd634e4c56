import Glibc

/// Decides who may connect to the addon socket.
struct AddonAdmission: Sendable {
    /// How a peer may connect.
    enum Entry: Sendable {
        case free
        /// Only an addon that the daemon started, which its token proves.
        case withToken
    }

    let uids: Set<UInt32>
    let group: UInt32?
    /// The users that the daemon runs addons as.
    let spawnedUIDs: Set<UInt32>

    /// - Throws: when a user or group does not exist.
    init(_ options: Options) throws(StartError) {
        uids = Set(options.addonUIDs.map(UInt32.init(clamping:)))
        group = try options.addonGroup.map { name throws(StartError) in try Self.group(name) }
        var spawned: Set<UInt32> = []
        for spec in options.addons {
            guard let user = spec.user else { continue }
            do throws(FileError) {
                let uid = try SystemUser(user).uid
                guard uid == getuid() || getuid() == 0 else {
                    throw FileError(reason: "only root may run it as the user \(user)")
                }
                spawned.insert(uid)
            } catch {
                throw StartError("cannot start addon \(spec.name): \(error)")
            }
        }
        spawnedUIDs = spawned
    }

    /// How the peer may connect; nil when it may not.
    func entry(of peer: PeerCredentials) -> Entry? {
        if Self.isOwn(peer.uid) || uids.contains(peer.uid) { return .free }
        if let group, peer.groups.contains(group) { return .free }
        return spawnedUIDs.contains(peer.uid) ? .withToken : nil
    }

    /// Whether the socket's file must be open to all users, because some of them may connect. The daemon checks who
    /// does.
    var isOpenToUsers: Bool { !uids.union(spawnedUIDs).allSatisfy(Self.isOwn) }

    private static func isOwn(_ uid: UInt32) -> Bool { uid == getuid() || uid == 0 }

    private static func group(_ name: String) throws(StartError) -> UInt32 {
        if let entry = getgrnam(name) { return entry.pointee.gr_gid }
        if let number = UInt32(name) { return number }
        throw StartError("addon_group: there is no group \(name)")
    }
}
