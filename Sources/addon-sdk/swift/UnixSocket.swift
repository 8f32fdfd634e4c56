import Glibc

/// Why the connection to the daemon's socket failed.
public struct SocketError: Error, Equatable, CustomStringConvertible {
    /// The kinds of failure that a program may handle differently.
    public enum Kind: Sendable {
        /// Nobody listens at the path.
        case noDaemon
        /// This user is not allowed to connect.
        case notAllowed
        case other
    }

    /// The path of the socket.
    public let path: String
    /// What failed, in words.
    public let reason: String
    /// The kind of failure.
    public let kind: Kind

    init(path: String, reason: String, kind: Kind = .other) {
        self.path = path
        self.reason = reason
        self.kind = kind
    }

    /// An error from `errno`.
    fileprivate init(path: String) {
        let number = errno
        self.path = path
        if number == ECONNREFUSED, let what = Self.noSocket(path) {
            kind = .other
            reason = what
            return
        }
        switch number {
        case ENOENT, ECONNREFUSED, ENOTDIR:
            kind = .noDaemon
            reason = "no proxyd listens there (\(String(cString: strerror(number))))"
        case EACCES, EPERM:
            kind = .notAllowed
            reason = "this user may not connect there (\(String(cString: strerror(number))))"
        default:
            kind = .other
            reason = String(cString: strerror(number))
        }
    }

    /// What is at the path, if it is not a socket.
    private static func noSocket(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFSOCK: return nil
        case S_IFDIR: return "it is a folder; allowed is the path of a Unix socket, such as \(path)/addon.sock"
        default: return "it is not a socket"
        }
    }

    /// The path and the reason.
    public var description: String { "cannot connect to \(path): \(reason)" }
}

/// A connected stream socket, closed when its last reference is released.
final class UnixSocket: Sendable {
    private let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    static func connect(to path: String) throws(SocketError) -> UnixSocket {
        var address = try address(of: path)
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError(path: path) }
        let socket = UnixSocket(descriptor: descriptor)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                Glibc.connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw SocketError(path: path) }
        return socket
    }

    private static func address(of path: String) throws(SocketError) -> sockaddr_un {
        try check(path)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    /// Rejects a path that no socket can have.
    static func check(_ path: String) throws(SocketError) {
        let longest = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
        guard (1...longest).contains(path.utf8.count), !path.utf8.contains(0) else {
            throw SocketError(path: path, reason: "the path of a Unix socket has 1 to \(longest) bytes and no NUL")
        }
    }

    /// Waits for bytes; returns 0 when the other side is gone.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }

    /// Waits until all bytes are written; returns false when the other side is gone.
    func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest)
                let count = send(descriptor, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
                if count >= 0 {
                    rest = rest.dropFirst(count)
                } else if errno != EINTR {
                    return false
                }
            }
            return true
        }
    }

    /// Ends a blocked `read`. What is written already still arrives.
    func shutdown() {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }
}
