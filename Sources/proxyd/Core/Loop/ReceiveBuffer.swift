import Glibc
import NIOCore

/// Limits what the kernel buffers for a peer to `Limits.receiveBuffer`.
///
/// When a peer has sent its last byte, NIO reads everything that the kernel holds, however far behind the reader is.
/// The kernel lets its buffer grow with a connection's speed, up to `net.ipv4.tcp_rmem` (tcp(7)): 6 MiB unless the
/// machine is tuned.
struct ReceiveBuffer {
    /// An unprivileged program may not ask for more than this. If that is too little, the kernel's own sizing stays.
    private static let mayBeSet = {
        guard let file = fopen("/proc/sys/net/core/rmem_max", "r") else { return false }
        defer { fclose(file) }
        var most: CInt = 0
        return withUnsafeMutablePointer(to: &most) { withVaList([$0]) { vfscanf(file, "%d", $0) } } == 1
            && most >= Limits.receiveBuffer / 2
    }()

    private var unchecked = 0

    /// Counts received bytes, and checks the buffer from time to time.
    mutating func received(_ count: Int, on channel: any Channel) {
        unchecked += count
        guard unchecked >= Limits.receiveBuffer / 2 else { return }
        unchecked = 0
        guard Self.mayBeSet, let socket = channel as? any SocketOptionProvider else { return }
        socket.unsafeGetSocketOption(level: .socket, name: .so_rcvbuf).whenSuccess { (size: CInt) in
            guard size > Limits.receiveBuffer else { return }
            // The kernel doubles the value for its own overhead (socket(7)).
            _ = socket.unsafeSetSocketOption(level: .socket, name: .so_rcvbuf, value: CInt(Limits.receiveBuffer / 2))
        }
    }
}
