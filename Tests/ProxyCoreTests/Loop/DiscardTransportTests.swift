import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite("Discard transport")
struct DiscardTransportTests {
    @Test("whatever is sent is taken at once")
    func takes() async throws {
        try await Bench.run { bench in
            let stream = ByteStream.discarding(on: bench.loop.eventLoop)
            for _ in 0..<10 {
                stream.write(ByteBuffer(repeating: 1, count: 1 << 20))
                try await stream.flush()
                #expect(stream.hasRoom)
            }
            var taken: UInt64?
            stream.transport.countTaken { taken = $0 }
            #expect(taken == 10 << 20)
            stream.close()
        }
    }

    @Test("a reader waits until it is closed, and who wants to know is told")
    func closes() async throws {
        try await Bench.run { bench in
            let stream = ByteStream.discarding(on: bench.loop.eventLoop)
            var ends = 0
            stream.onInputEnd = { ends += 1 }
            let reader = bench.beside { await stream.readMore() }
            await bench.loop.nextTurn()
            #expect(stream.isOpen && stream.inputIsOpen && ends == 0)
            stream.close()
            stream.close()
            #expect(await !reader.value)
            #expect(!stream.isOpen && !stream.inputIsOpen && ends == 1)
            try await stream.transport.closeFuture.get()
            await #expect(throws: StreamError.self) { try await stream.flush() }
        }
    }

    @Test("the end of the output is the end of the connection")
    func finishes() async throws {
        try await Bench.run { bench in
            let stream = ByteStream.discarding(on: bench.loop.eventLoop)
            await stream.finishOutput()
            #expect(!stream.isOpen)
        }
    }

    @Test("no handler has a place in it")
    func takesNoHandler() async throws {
        try await Bench.run { bench in
            let stream = ByteStream.discarding(on: bench.loop.eventLoop)
            #expect(throws: ChannelError.self) { try stream.insert(NoHandler()) }
            stream.close()
        }
    }

    private final class NoHandler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
    }
}
