import Glibc

/// A Unix socket that waits for one addon; its file is removed with it.
final class UnixListener {
    let path: String
    private let descriptor: Int32

    /// Replaces a stale socket file, at which nobody listens; leaves any other file alone.
    init(path: String) throws(ToolFailure) {
        let longest = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
        guard (1...longest).contains(path.utf8.count), !path.utf8.contains(0) else {
            throw ToolFailure.usage("\(path): the path of a Unix socket has 1 to \(longest) bytes and no NUL")
        }
        let descriptor = try Self.socket()
        if Self.isStale(path) { unlink(path) }
        let mask = umask(0o177)
        let isBound = Self.call(bind, descriptor, path) == 0 && listen(descriptor, 1) == 0
        let number = errno
        umask(mask)
        guard isBound else {
            close(descriptor)
            throw ToolFailure.usage("cannot listen at \(path)", errno: number)
        }
        TemporaryFiles.add(path)
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        remove()
    }

    /// Removes the file, so that nobody else can connect.
    func remove() { TemporaryFiles.remove(path) }

    /// The next connection; nil if none arrives within `milliseconds`.
    func accept(within milliseconds: Int32) throws(ToolFailure) -> Int32? {
        var polls = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&polls, 1, milliseconds) > 0 else { return nil }
        let connection = Glibc.accept(descriptor, nil, nil)
        guard connection >= 0 else { throw ToolFailure.nothing("cannot accept at \(path)", errno: errno) }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        _ = fcntl(connection, F_SETFL, O_NONBLOCK)
        return connection
    }

    private static func socket() throws(ToolFailure) -> Int32 {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ToolFailure.nothing("cannot create a socket", errno: errno) }
        return descriptor
    }

    /// Whether a socket file is there at which nobody listens.
    private static func isStale(_ path: String) -> Bool {
        var information = stat()
        guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK,
            let descriptor = try? socket()
        else { return false }
        defer { close(descriptor) }
        return call(connect, descriptor, path) != 0 && errno == ECONNREFUSED
    }

    private static func call(
        _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32,
        _ descriptor: Int32,
        _ path: String
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
