import NIOCore
import Synchronization

/// For whom each connection to a server was made, so that one that comes back to this daemon is recognised by its address.
final class Rounds: Sendable {
    typealias Address = ConnectionInfo.Address

    /// Our own address of each connection, and its client's; nil: an addon's.
    private let clients = Mutex<[Address: Address?]>([:])

    /// Remembers a connection until it is closed.
    func note(_ stream: ByteStream, for client: Address?) {
        guard let address = stream.transport.localAddress.map(Address.init) else { return }
        clients.withLock { $0[address] = .some(client) }
        stream.transport.closeFuture.whenComplete { _ in self.clients.withLock { $0[address] = nil } }
    }

    /// How often what this client wants has come through the daemon already. Once a connection is seen here the one before it
    /// has been noted, so that nothing goes round much longer than it may.
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
    /// RFC 5842, section 7.2.
    static let loop = FlowError(
        .connectFailed,
        "the request has come back to this proxy \(Limits.rounds) times: it goes round in a loop",
        status: 508
    )
}
