import Glibc

/// A Unix socket at which one addon is awaited; its file goes away with it.
final class UnixListener {
    let path: String
    private let descriptor: Int32

    init(path: String) throws(PlayFailure) {
        self.path = path
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let longest = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard (1...longest).contains(path.utf8.count), !path.utf8.contains(0) else {
            throw PlayFailure("\(path): the path of a Unix socket has 1 to \(longest) bytes and no NUL")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PlayFailure("cannot make a socket", errno: errno) }
        let mask = umask(0o177)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { [descriptor] address in
                bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        let number = errno
        umask(mask)
        guard status == 0, listen(descriptor, 1) == 0 else {
            close(descriptor)
            throw PlayFailure("cannot listen at \(path)", errno: number)
        }
    }

    deinit {
        close(descriptor)
        remove()
    }

    /// Takes the file away: nobody else can come.
    func remove() { unlink(path) }

    /// The next connection; nil if none comes within `milliseconds`.
    func accept(within milliseconds: Int32) throws(PlayFailure) -> Int32? {
        var polls = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&polls, 1, milliseconds) > 0 else { return nil }
        let connection = Glibc.accept(descriptor, nil, nil)
        guard connection >= 0 else { throw PlayFailure("cannot accept at \(path)", errno: errno) }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        _ = fcntl(connection, F_SETFL, O_NONBLOCK)
        return connection
    }
}
