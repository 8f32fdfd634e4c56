import AddonProtocol
import Glibc
import NIOCore
import NIOPosix

/// The addon socket: makes the file, and lets in who may come.
struct AddonListener {
    private let channel: any Channel
    let path: String

    /// Takes the path over: a socket that nobody serves is replaced, one that somebody serves is an error.
    static func start(
        at path: String,
        group: MultiThreadedEventLoopGroup,
        connections: Connections,
        reception: AddonReception
    ) async throws(StartError) -> AddonListener {
        guard path.utf8.count < maximumPathBytes else {
            throw StartError("the addon socket's path is too long: \(path) (at most \(maximumPathBytes - 1) bytes)")
        }
        try prepareFolder(of: path)
        try removeStale(path, group)
        let bootstrap = ServerBootstrap(group: group)
            .gated(connections, for: .addon)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try reception.receive(channel) }
            }
        do {
            let mask = umask(0o177)
            defer { umask(mask) }
            let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
            return AddonListener(channel: channel, path: path)
        } catch {
            throw StartError("cannot open the addon socket \(path): \(explained(error))")
        }
    }

    func stop() async {
        try? await channel.close().get()
        unlink(path)
    }

    // MARK: The file

    /// The room for a path in a socket address (sun_path).
    private static let maximumPathBytes = 108

    private static func prepareFolder(of path: String) throws(StartError) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let folder = String(path[..<slash])
        guard !folder.isEmpty, access(folder, F_OK) != 0 else { return }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw StartError("cannot make the addon socket's folder \(folder): \(String(cString: strerror(errno)))")
        }
    }

    private static func removeStale(_ path: String, _ group: MultiThreadedEventLoopGroup) throws(StartError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StartError("the addon socket's path \(path) is taken by something that is no socket")
        }
        guard !isServed(path) else {
            throw StartError("the addon socket \(path) is held by a running daemon")
        }
        unlink(path)
    }

    /// Whether somebody accepts connections there.
    private static func isServed(_ path: String) -> Bool {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { return false }
        defer { close(file) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(maximumPathBytes - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
