import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyTLS

/// The handler's own rules, on both sides at once.
@Suite struct TLSHandlerTests {
    @Test(arguments: [1, 2, 3, 7, 64, 1_000])
    func `a connection works when its bytes come in small pieces`(count: Int) throws {
        let pair = try EmbeddedPair()
        try pair.handshake(inPieces: count)
        #expect(try pair.clientTLS.handshake.outcome().get().alpn == "http/1.1")
        #expect(try pair.serverTLS.handshake.outcome().get().serverName == "a.test")
        try pair.client.writeOutbound(ByteBuffer(repeating: 7, count: 40_000))
        try pair.pump(inPieces: count)
        var received = ByteBuffer()
        while let bytes = try pair.server.readInbound(as: ByteBuffer.self) { received.writeImmutableBuffer(bytes) }
        #expect(received == ByteBuffer(repeating: 7, count: 40_000))
    }

    @Test func `a ClientHello split at any byte is understood`() throws {
        let hello = try Self.clientHello()
        for index in 1..<hello.readableBytes {
            let pair = try EmbeddedPair()
            try pair.server.writeInbound(try #require(hello.getSlice(at: 0, length: index)))
            #expect(throws: OpenSSLProgram.Failure.self) { try pair.serverTLS.clientHello.outcome() }
            try pair.server.writeInbound(try #require(hello.getSlice(at: index, length: hello.readableBytes - index)))
            #expect(try pair.serverTLS.clientHello.outcome().get().alpnProtocols == ["http/1.1"])
        }
    }

    @Test func `bytes read before the handler was added count`() throws {
        let pair = try EmbeddedPair(alreadyRead: try Self.clientHello())
        #expect(try pair.serverTLS.clientHello.outcome().get().serverName == "a.test")
    }

    @Test func `a damaged ClientHello fails and never traps`() throws {
        let hello = try Self.clientHello()
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            var damaged = hello
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged.setInteger(UInt8.random(in: 0...255, using: &random), at: .random(in: 5..<hello.readableBytes))
            }
            let pair = try EmbeddedPair()
            try pair.server.writeInbound(damaged)
            pair.serverTLS.accept(pair.settings)
            _ = try? pair.server.finish(acceptAlreadyClosed: true)
            _ = try pair.serverTLS.handshake.outcome()
        }
    }

    @Test func `nothing is read while the decision is awaited`() throws {
        let pair = try EmbeddedPair()
        let reads = ReadCounter()
        try pair.server.pipeline.syncOperations.addHandler(reads, position: .first)
        try pair.server.writeInbound(try Self.clientHello())
        let before = reads.count
        pair.server.read()
        #expect(reads.count == before)
        pair.serverTLS.accept(pair.settings)
        #expect(reads.count > before)
    }

    @Test func `a client that leaves while the decision is awaited is reported, and accepting is without effect`()
        throws
    {
        let pair = try EmbeddedPair()
        try pair.server.writeInbound(try Self.clientHello())
        pair.server.pipeline.fireChannelInactive()
        pair.serverTLS.accept(pair.settings)
        let error = #expect(throws: TLSError.self) { try pair.serverTLS.handshake.outcome().get() }
        #expect(error?.message == "the client closed the connection during the TLS handshake")
    }

    @Test func `the handshake has a time limit, the decision has none`() throws {
        let pair = try EmbeddedPair()
        try pair.server.writeInbound(try Self.clientHello())
        pair.server.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(throws: OpenSSLProgram.Failure.self) { try pair.serverTLS.handshake.outcome() }
        pair.serverTLS.accept(pair.settings)
        pair.server.embeddedEventLoop.advanceTime(by: TLSHandler.defaultHandshakeTimeout)
        let error = #expect(throws: TLSError.self) { try pair.serverTLS.handshake.outcome().get() }
        #expect(error?.code == .timedOut)
        #expect(!pair.server.isActive)
    }

    @Test func `what is written before the end of the handshake is sent after it`() throws {
        let pair = try EmbeddedPair()
        let written = pair.client.writeAndFlush(ByteBuffer(string: "early"))
        try pair.handshake()
        try written.wait()
        #expect(try pair.server.readInbound() == ByteBuffer(string: "early"))
    }

    @Test func `too much written before the end of the handshake is an error`() throws {
        let pair = try EmbeddedPair()
        let written = pair.client.write(ByteBuffer(repeating: 0, count: TLSHandler.earlyWriteLimit + 1))
        let error = #expect(throws: TLSError.self) { try written.wait() }
        #expect(error?.code == .writeLimit)
        #expect(throws: TLSError.self) { try pair.clientTLS.handshake.outcome().get() }
    }

    @Test func `small writes of a flush share a record`() throws {
        let pair = try EmbeddedPair()
        try pair.handshake()
        let writes = (0..<100).map { _ in pair.client.write(ByteBuffer(repeating: 1, count: 100)) }
        pair.client.flush()
        for write in writes { try write.wait() }
        let ciphertext = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
        #expect(ciphertext.readableBytes == 10_000 + 5 + 1 + 16)
        try pair.server.writeInbound(ciphertext)
        #expect(try pair.server.readInbound() == ByteBuffer(repeating: 1, count: 10_000))
    }

    @Test func `a damaged record is an error and ends the connection`() throws {
        let pair = try EmbeddedPair()
        try pair.handshake()
        try pair.client.writeOutbound(ByteBuffer(string: "hello"))
        var ciphertext = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
        ciphertext.setInteger(UInt8(0xFF), at: ciphertext.writerIndex - 1)
        ciphertext.setInteger(UInt8(0xFF), at: ciphertext.writerIndex - 2)
        let error = #expect(throws: TLSError.self) { try pair.server.writeInbound(ciphertext) }
        #expect(error?.code == .protocolViolation)
        #expect(!pair.server.isActive)
        let answer = #expect(throws: TLSError.self) { try pair.pump() }
        #expect(answer?.message == "the server ended the TLS connection with alert 20 (bad_record_mac)")
        #expect(!pair.client.isActive)
    }

    @Test func `closing says close_notify and the other side closes too`() throws {
        let pair = try EmbeddedPair()
        try pair.handshake()
        try pair.client.close().wait()
        try pair.pump()
        #expect(pair.serverTLS.input == .closeNotify)
        #expect(!pair.server.isActive)
        #expect(throws: ChannelError.self) { try pair.client.writeAndFlush(ByteBuffer(string: "late")).wait() }
    }

    @Test func `closing in the handshake fails it`() throws {
        let pair = try EmbeddedPair()
        try pair.client.close().wait()
        let error = #expect(throws: TLSError.self) { try pair.clientTLS.handshake.outcome().get() }
        #expect(error?.code == .closedLocally)
    }

    /// The first bytes that our client sends.
    static func clientHello() throws -> ByteBuffer {
        let pair = try EmbeddedPair()
        return try #require(try pair.client.readOutbound(as: ByteBuffer.self))
    }
}

private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
