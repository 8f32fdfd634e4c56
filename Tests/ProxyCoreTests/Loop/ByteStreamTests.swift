import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite("Byte stream")
struct ByteStreamTests {
    private static let pieceBytes = 64 * 1024

    /// A stream, and what its channel tells it.
    private struct Peer: @unchecked Sendable {
        let channel = EmbeddedChannel()
        let stream: ByteStream

        init() throws {
            stream = try ByteStream.open(on: channel)
        }

        /// Delivers what a kernel returns at once when the peer has sent its last byte.
        func receive(pieces: Int) throws {
            for index in 0..<pieces {
                try channel.writeInbound(ByteBuffer(repeating: UInt8(index), count: pieceBytes))
            }
        }

        /// Reads to the end; `look` is called before each piece is taken.
        func readToTheEnd(_ look: (ByteStream) -> Void) async {
            while await stream.readMore() {
                look(stream)
                stream.unread.clear()
            }
        }

        func end() { channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
    }

    /// Streams and channels are used on one thread only.
    private func onLoop(_ body: @escaping @Sendable (Peer) async throws -> Void) async throws {
        try await Task(executorPreference: LoopExecutor.shared) { try await body(Peer()) }.value
    }

    @Test("what comes at once at the end is read in pieces, in order, and then has ended")
    func readsPieces() async throws {
        try await onLoop { peer in
            try peer.receive(pieces: 40)
            peer.end()
            var seen: [UInt8] = []
            await peer.readToTheEnd {
                #expect($0.unread.readableBytes <= Limits.joinedUnread)
                seen += $0.unread.readableBytesView
            }
            #expect(seen == (0..<40).flatMap { [UInt8](repeating: UInt8($0), count: Self.pieceBytes) })
            #expect(!peer.stream.inputIsOpen)
        }
    }

    @Test("the input is open, and its end not told, until the last piece is read")
    func endsAfterLastPiece() async throws {
        try await onLoop { peer in
            var ends = 0
            peer.stream.onInputEnd = { ends += 1 }
            try peer.receive(pieces: 6)
            peer.end()
            var wasOpen: [Bool] = []
            await peer.readToTheEnd {
                wasOpen.append($0.inputIsOpen)
                #expect(ends == ($0.inputIsOpen ? 0 : 1))
            }
            #expect(wasOpen == [true, true, false])
            #expect(ends == 1)
        }
    }

    @Test("that the connection broke is told at once, and what came before is read nevertheless")
    func tellsFailureAtOnce() async throws {
        try await onLoop { peer in
            var ends = 0
            peer.stream.onInputEnd = { ends += 1 }
            try peer.receive(pieces: 6)
            peer.channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel)
            #expect(ends == 1)
            var count = 0
            await peer.readToTheEnd { count += $0.unread.readableBytes }
            #expect(count == 6 * Self.pieceBytes)
            if case .failed = peer.stream.input {} else { Issue.record("the input is \(peer.stream.input)") }
        }
    }

    @Test("who waits for more than is joined gets it, one piece at a time")
    func readsOn() async throws {
        try await onLoop { peer in
            while peer.stream.unread.readableBytes < Limits.joinedUnread { try peer.receive(pieces: 1) }
            #expect(await peer.stream.readMore())
            let before = peer.stream.unread.readableBytes
            let reader = Task(executorPreference: LoopExecutor.shared) { await peer.stream.readMore() }
            await Task.yield()
            try peer.receive(pieces: 2)
            peer.end()
            #expect(await reader.value)
            #expect(peer.stream.unread.readableBytes == before + Self.pieceBytes)
            #expect(await peer.stream.readMore())
            #expect(peer.stream.unread.readableBytes == before + 2 * Self.pieceBytes)
        }
    }

    @Test("all that is unread can be taken at once")
    func takesAll() async throws {
        try await onLoop { peer in
            try peer.receive(pieces: 9)
            peer.end()
            #expect(peer.stream.takeUnread().readableBytes == 9 * Self.pieceBytes)
            #expect(peer.stream.unread.readableBytes == 0 && !peer.stream.inputIsOpen)
        }
    }

    @Test("a stream is idle while it is open and nothing is unread")
    func isIdle() async throws {
        try await onLoop { peer in
            #expect(peer.stream.isIdle)
            try peer.receive(pieces: 1)
            #expect(!peer.stream.isIdle)
            peer.stream.unread.clear()
            #expect(peer.stream.isIdle)
            peer.end()
            #expect(!peer.stream.isIdle)
        }
    }

    @Test("who listens hears of bytes and leaves them to the reader; afterwards it hears of none")
    func listens() async throws {
        try await onLoop { peer in
            var arrivals = 0
            peer.stream.listen { arrivals += 1 }
            try peer.receive(pieces: 1)
            #expect(arrivals == 1 && peer.stream.unread.readableBytes == Self.pieceBytes)
            peer.stream.stopListening()
            try peer.receive(pieces: 1)
            #expect(arrivals == 1)
            #expect(await peer.stream.readMore())
        }
    }

    @Test("a conversation is idle since either side last moved, and not while one of them is with somebody else")
    func conversations() async throws {
        try await onLoop { peer in
            let (own, other) = (peer.stream, try Peer().stream)
            let start = NIODeadline.now()
            own.awaitedSince = start
            #expect(own.idleSince == start)
            own.converse(with: other)
            #expect(own.idleSince == nil && other.idleSince == nil)
            other.awaitedSince = start + .seconds(1)
            #expect(own.idleSince == start + .seconds(1) && other.idleSince == start + .seconds(1))
            other.awaitedSince = nil
            await own.finishOutput()
            own.awaitedSince = start
            #expect(own.idleSince == start)
        }
    }

    @Test("what is written moves; who is being sent to need not speak")
    func moves() async throws {
        try await onLoop { peer in
            let start = NIODeadline.now() - .seconds(9)
            peer.stream.awaitedSince = start
            peer.stream.isBeingSent = true
            #expect(peer.stream.idleSince == nil)
            peer.stream.isBeingSent = false
            #expect(peer.stream.idleSince == start)
            peer.stream.write(ByteBuffer(string: "x"))
            peer.stream.send()
            #expect((peer.stream.idleSince ?? start) > start)
        }
    }
}
