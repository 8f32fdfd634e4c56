import Glibc
import NIOCore

/// How many of the sent bytes a peer has accepted.
enum TakenBytes {
    /// A channel that counts these bytes itself.
    protocol Counter {
        var takenBytes: UInt64 { get }
    }

    /// The beginning of Linux's `struct tcp_info` (tcp(7)), up to `tcpi_bytes_acked`.
    private typealias TCPInfo = InlineArray<16, UInt64>

    /// Calls `body` at once with the count, if it can be determined.
    static func count(on channel: any Channel, _ body: @escaping (UInt64) -> Void) {
        if let counter = channel as? any Counter { return body(counter.takenBytes) }
        guard let socket = channel as? any SocketOptionProvider else { return }
        socket.unsafeGetSocketOption(level: .tcp, name: .init(rawValue: TCP_INFO))
            .assumeIsolated().whenSuccess { (info: TCPInfo) in body(info[15]) }
    }
}
