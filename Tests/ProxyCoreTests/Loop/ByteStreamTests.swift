import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

@Suite("Byte stream")
struct ByteStreamTests {
    private let channel = EmbeddedChannel()
    private let stream: ByteStream

    init() throws {
        stream = ByteStream(channel: channel)
        try channel.pipeline.syncOperations.addHandler(stream)
    }

    /// What a kernel gives out at once when the peer has sent its last byte.
    private func receiveToTheEnd(pieces: Int) throws {
        for index in 0..<pieces {
            try channel.writeInbound(ByteBuffer(repeating: UInt8(index), count: 64 * 1024))
        }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    @Test("what comes at once at the end is read in pieces, in order, and then has ended")
    func readsPieces() async throws {
        try receiveToTheEnd(pieces: 40)
        var seen: [UInt8] = []
        while await stream.readMore() {
            #expect(stream.unread.readableBytes <= Limits.joinedUnread)
            seen += stream.unread.readableBytesView
            stream.unread.clear()
        }
        #expect(seen == (0..<40).flatMap { [UInt8](repeating: UInt8($0), count: 64 * 1024) })
        #expect(!stream.inputIsOpen)
    }

    @Test("the input is open, and its end not told, until the last piece is read")
    func endsAfterLastPiece() async throws {
        var ends = 0
        stream.onInputEnd = { ends += 1 }
        try receiveToTheEnd(pieces: 6)
        var openings: [Bool] = []
        while await stream.readMore() {
            openings.append(stream.inputIsOpen)
            #expect(ends == (stream.inputIsOpen ? 0 : 1))
            stream.unread.clear()
        }
        #expect(openings == [true, true, false])
        #expect(ends == 1)
    }

    @Test("that the connection broke is told at once, and what came before is read nevertheless")
    func tellsFailureAtOnce() async throws {
        var ends = 0
        stream.onInputEnd = { ends += 1 }
        for _ in 0..<6 { try channel.writeInbound(ByteBuffer(repeating: 0, count: 64 * 1024)) }
        channel.pipeline.fireErrorCaught(ChannelError.eof)
        #expect(ends == 1)
        var count = 0
        while await stream.readMore() {
            count += stream.unread.readableBytes
            stream.unread.clear()
        }
        #expect(count == 6 * 64 * 1024)
        guard case .failed = stream.input else {
            Issue.record("the input is \(stream.input)")
            return
        }
    }

    @Test("all that is unread can be taken at once")
    func takesAll() throws {
        try receiveToTheEnd(pieces: 9)
        #expect(stream.takeUnread().readableBytes == 9 * 64 * 1024)
        #expect(stream.unread.readableBytes == 0)
        #expect(!stream.inputIsOpen)
    }

    @Test("a stream is idle only while it is open and nothing is unread")
    func isIdle() throws {
        #expect(stream.isIdle)
        try channel.writeInbound(ByteBuffer(string: "late"))
        #expect(!stream.isIdle)
        stream.unread.clear()
        #expect(stream.isIdle)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!stream.isIdle)
    }
}
