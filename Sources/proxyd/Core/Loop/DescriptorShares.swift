import Glibc

/// What the descriptors that the process may have are for.
struct DescriptorShares: Equatable, Sendable {
    /// Connections to clients, where `max_connections` says nothing: each may want one to a server.
    let clients: Int
    /// Connections to clients and servers together.
    let connections: Int
    /// The same with those of addons, which may take half of the reserve. The other half is for processes, names and files.
    let withAddons: Int

    /// - Parameters:
    ///   - limit: how many descriptors the process may have.
    ///   - inUse: how many it has besides connections.
    init(limit: Int, inUse: Int) {
        let reserve = min(max(limit / 8, Limits.descriptorReserve.lowerBound), Limits.descriptorReserve.upperBound)
        connections = max(limit - inUse - reserve, 2)
        clients = connections / 2
        withAddons = connections + reserve / 2
    }
}

/// The process's limit of descriptors (getrlimit(2)).
enum DescriptorLimit {
    /// The soft limit that the daemon was given.
    private static let given = current

    /// Raises the soft limit to the hard one, as any process may.
    static func raise() {
        _ = given
        guard var limit = read() else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// The soft limit.
    static var current: Int {
        read().map { Int(clamping: $0.rlim_cur) } ?? 1024
    }

    /// Gives what a shell runs the limit that the daemon was given: programs that use select(2) count on it.
    static func command(_ command: String) -> String {
        given < current ? "ulimit -Sn \(given)\n\(command)" : command
    }

    /// How many descriptors are open.
    static var inUse: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // `.`, `..`, and the folder itself.
        return count - 3
    }

    private static func read() -> rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }
}
