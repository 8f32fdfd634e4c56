import Glibc

/// How the descriptors of the process are divided.
struct DescriptorShares: Equatable, Sendable {
    /// Client connections, unless `max_connections` is set. Each may need one to a server.
    let clients: Int
    /// Connections to clients and servers together.
    let connections: Int
    /// All connections including those of addons, which may use half of the reserve. The rest is for processes, names
    /// and files.
    let withAddons: Int

    /// - Parameters:
    /// - limit: how many descriptors the process may have.
    /// - inUse: how many it uses for other things than connections.
    init(limit: Int, inUse: Int) {
        let reserve = min(max(limit / 8, Limits.descriptorReserve.lowerBound), Limits.descriptorReserve.upperBound)
        connections = max(limit - inUse - reserve, 2)
        clients = connections / 2
        withAddons = connections + reserve / 2
    }
}

/// The process's limit on descriptors (getrlimit(2)).
enum DescriptorLimit {
    /// The soft limit at the daemon's start.
    private static let given = current

    /// Raises the soft limit to the hard limit, as any process may.
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

    /// Restores the original limit for a shell command, since programs that use select(2) rely on it.
    static func command(_ command: String) -> String {
        given < current ? "ulimit -Sn \(given)\n\(command)" : command
    }

    /// The number of open descriptors.
    static var inUse: Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Subtracts `.`, `..`, and the descriptor of the folder itself.
        return count - 3
    }

    private static func read() -> rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }
}
