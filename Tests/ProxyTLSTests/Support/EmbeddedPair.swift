import NIOCore
import NIOEmbedded

@testable import ProxyTLS

/// Our client and our server back to back in memory, on one thread, advanced by hand.
final class EmbeddedPair {
    let client = EmbeddedChannel()
    let server = EmbeddedChannel()
    let clientTLS: TLSHandler
    let serverTLS: TLSHandler
    let leaf: LeafCertificate

    init(alreadyRead: ByteBuffer? = nil) throws {
        let settings = TLSClientSettings(serverName: "a.test", verification: .none, alpnProtocols: ["http/1.1"])
        clientTLS = try TLSHandler.client(settings, on: client.eventLoop)
        serverTLS = try TLSHandler.server(on: server.eventLoop, alreadyRead: alreadyRead)
        leaf = try LeafRequestTests.authority().leaf(for: LeafRequest(commonName: nil, dnsNames: ["a.test"]))
        for (channel, handler) in [(client, clientTLS), (server, serverTLS)] {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.pipeline.syncOperations.addHandler(handler)
        }
    }

    var settings: TLSServerSettings { TLSServerSettings(leaf: leaf, alpnProtocols: ["http/1.1"]) }

    /// Moves ciphertext in pieces of `count` bytes until neither side has any.
    func pump(inPieces count: Int = .max) throws {
        while true {
            let moved = try move(from: client, to: server, count)
            guard try move(from: server, to: client, count) || moved else { return }
        }
    }

    private func move(from sender: EmbeddedChannel, to receiver: EmbeddedChannel, _ count: Int) throws -> Bool {
        guard var bytes = try sender.readOutbound(as: ByteBuffer.self) else { return false }
        while let piece = bytes.readSlice(length: min(count, bytes.readableBytes)), piece.readableBytes > 0 {
            try receiver.writeInbound(piece)
        }
        return true
    }

    func handshake(inPieces count: Int = .max) throws {
        let settings = settings
        serverTLS.clientHello.assumeIsolated().whenSuccess { [serverTLS] _ in serverTLS.accept(settings) }
        try pump(inPieces: count)
    }
}

extension EventLoopFuture {
    /// The outcome of a future that is complete by now.
    func outcome() throws -> Result<Value, any Error> where Value: Sendable {
        var outcome: Result<Value, any Error>?
        assumeIsolated().whenComplete { outcome = $0 }
        guard let outcome else { throw OpenSSLProgram.Failure(text: "the future is not complete") }
        return outcome
    }
}
