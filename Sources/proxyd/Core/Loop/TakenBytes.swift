import Glibc
import NIOCore

/// How much a peer has taken of what was sent to it.
enum TakenBytes {
    /// A channel that counts by itself.
    protocol Counter {
        var takenBytes: UInt64 { get }
    }

    /// The beginning of Linux' `struct tcp_info` (tcp(7)), up to `tcpi_bytes_acked`.
    private typealias TCPInfo = InlineArray<16, UInt64>

    /// Calls `body` at once, unless it cannot be told.
    static func count(on channel: any Channel, _ body: @escaping (UInt64) -> Void) {
        if let counter = channel as? any Counter { return body(counter.takenBytes) }
        guard let socket = channel as? any SocketOptionProvider else { return }
        socket.unsafeGetSocketOption(level: .tcp, name: .init(rawValue: TCP_INFO))
            .assumeIsolated().whenSuccess { (info: TCPInfo) in body(info[15]) }
    }
}
