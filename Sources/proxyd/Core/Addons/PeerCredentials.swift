import Glibc
import NIOCore

/// The peer of a Unix socket, from SO_PEERCRED and SO_PEERGROUPS (socket(7)).
struct PeerCredentials: Sendable {
    let pid: Int32
    let uid: UInt32
    /// The groups of the process when it connected, both primary and supplementary.
    let groups: Set<UInt32>

    init(pid: Int32, uid: UInt32, groups: Set<UInt32>) {
        self.pid = pid
        self.uid = uid
        self.groups = groups
    }

    /// Nil when the channel is not a Unix socket.
    init?(of channel: any Channel) {
        let operations = channel.pipeline.syncOperations
        let found = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { PeerCredentials($0) }
        guard let found, let found else { return nil }
        self = found
    }

    private init?(_ socket: Int32) {
        var credentials = Ucred()
        var length = socklen_t(MemoryLayout<Ucred>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        // What the kernel says of sockets whose peers it does not know, such as those of TCP.
        guard credentials.uid != .max else { return nil }
        self.init(
            pid: credentials.pid,
            uid: credentials.uid,
            groups: Self.groups(socket).union([credentials.gid])
        )
    }

    /// `struct ucred`, which glibc's headers only declare under a condition.
    private struct Ucred {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
    }

    private static func groups(_ socket: Int32) -> Set<UInt32> {
        var groups = [gid_t](repeating: 0, count: 1024)
        var length = socklen_t(groups.count * MemoryLayout<gid_t>.size)
        guard getsockopt(socket, SOL_SOCKET, peerGroups, &groups, &length) == 0 else { return [] }
        return Set(groups.prefix(Int(length) / MemoryLayout<gid_t>.size))
    }

    /// SO_PEERGROUPS (Linux 4.13), which they also declare only under a condition.
    private static let peerGroups: Int32 = 59
}
