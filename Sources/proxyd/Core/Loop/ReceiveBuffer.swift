import Glibc
import NIOCore

/// What the kernel holds of a peer's bytes, kept within `Limits.receiveBuffer`.
///
/// When a peer has sent its last byte, NIO reads all that the kernel holds, however far behind the reader is. The kernel
/// lets that grow with a connection's speed, up to `net.ipv4.tcp_rmem` (tcp(7)): 6 MiB, unless the machine is tuned.
struct ReceiveBuffer {
    /// A program without privileges may only ask for as much as this; where that is too little, the kernel's way stays.
    private static let mayBeSet = {
        guard let file = fopen("/proc/sys/net/core/rmem_max", "r") else { return false }
        defer { fclose(file) }
        var most: CInt = 0
        return withUnsafeMutablePointer(to: &most) { withVaList([$0]) { vfscanf(file, "%d", $0) } } == 1
            && most >= Limits.receiveBuffer / 2
    }()

    private var unchecked = 0

    /// So many more bytes came; from time to time they are reason to look.
    mutating func received(_ count: Int, on channel: any Channel) {
        unchecked += count
        guard unchecked >= Limits.receiveBuffer / 2 else { return }
        unchecked = 0
        guard Self.mayBeSet, let socket = channel as? any SocketOptionProvider else { return }
        socket.unsafeGetSocketOption(level: .socket, name: .so_rcvbuf).whenSuccess { (size: CInt) in
            guard size > Limits.receiveBuffer else { return }
            // The kernel doubles what it is told, for its own use (socket(7)).
            _ = socket.unsafeSetSocketOption(level: .socket, name: .so_rcvbuf, value: CInt(Limits.receiveBuffer / 2))
        }
    }
}
