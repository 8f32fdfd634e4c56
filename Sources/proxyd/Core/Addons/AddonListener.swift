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
        loops: [LoopContext],
        host: AddonHost,
        calls: AddonCalls
    ) async throws(StartError) -> AddonListener {
        guard path.utf8.count < maximumPathBytes else {
            throw StartError("the addon socket's path is too long: \(path) (at most \(maximumPathBytes - 1) bytes)")
        }
        try prepareFolder(of: path)
        try removeStale(path, group)
        let uids = Set(host.options.current.addonUIDs.map(UInt32.init(clamping:)) + [getuid()])
        let bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.writeBufferWaterMark, value: Limits.writeBuffer)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try admit(channel, uids: uids, loops: loops, host: host, calls: calls)
                }
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

    private static func admit(
        _ channel: any Channel,
        uids: Set<UInt32>,
        loops: [LoopContext],
        host: AddonHost,
        calls: AddonCalls
    ) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
        let peer = peerCredentials(of: channel)
        let options = host.options.current
        let addon = AddonChannel(
            channel: channel,
            maximumFrameBytes: options.frameSizeLimit,
            maximumDepth: options.jsonDepthLimit
        )
        try channel.pipeline.syncOperations.addHandler(addon)
        guard let peer, uids.contains(peer.uid) else {
            let uid = peer.map { String($0.uid) } ?? "unknown"
            host.log.warn("refused a process with uid \(uid) at the addon socket; addon_uids says who may come")
            let message = "uid \(uid) may not connect"
            addon.send(.failure(id: nil, ProtocolError(code: ProtocolError.notAuthorised, message: message)))
            return addon.close()
        }
        addon.setReceiver(AddonPeer(channel: addon, loop: loop, host: host, calls: calls, pid: Int(peer.pid)))
    }

    /// What SO_PEERCRED tells (`struct ucred`, socket(7)).
    private struct PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
    }

    private static func peerCredentials(of channel: any Channel) -> PeerCredentials? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        var credentials: PeerCredentials?
        let future: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .init(rawValue: SOL_SOCKET),
            name: .init(rawValue: SO_PEERCRED)
        )
        future.assumeIsolated().whenSuccess { credentials = $0 }
        return credentials
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
