import NIOCore
import Synchronization

/// Remembers the client of each server connection, so that a connection that loops back to this daemon is recognised by
/// its address.
final class Rounds: Sendable {
    typealias Address = ConnectionInfo.Address

    /// Maps the local address of each connection to its client's address; nil when an addon is the client.
    private let clients = Mutex<[Address: Address?]>([:])

    /// Remembers a connection until it is closed.
    func note(_ stream: ByteStream, for client: Address?) {
        guard let address = stream.transport.localAddress.map(Address.init) else { return }
        clients.withLock { $0[address] = .some(client) }
        stream.transport.closeFuture.whenComplete { _ in self.clients.withLock { $0[address] = nil } }
    }

    /// How often a request of this client has already passed through the daemon. Each pass is noted before the next one
    /// arrives, so no loop lasts much longer than the limit.
    func count(of client: Address?) -> Int {
        clients.withLock { Self.count(of: client, in: $0) }
    }

    static func count(of client: Address?, in clients: [Address: Address?]) -> Int {
        var rounds = 0
        var next = client
        while rounds <= Limits.rounds, let address = next, let before = clients[address] {
            rounds += 1
            next = before
        }
        return rounds
    }
}

extension FlowError {
    /// 508 Loop Detected (RFC 5842, section 7.2).
    static let loop = FlowError(
        .connectFailed,
        "the request has come back to this proxy \(Limits.rounds) times, so it is in a loop",
        status: 508
    )
}
