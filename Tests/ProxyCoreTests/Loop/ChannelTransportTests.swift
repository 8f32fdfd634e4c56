import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What is written through a channel, rather than straight to its socket, passes this.
private final class WriteCounter: ChannelOutboundHandler, @unchecked Sendable {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private(set) var bytes = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        bytes += Self.unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }
}

/// Changes what passes, as TLS would.
private final class Shout: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let text = String(buffer: Self.unwrapOutboundIn(data)).uppercased()
        context.write(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: promise)
    }
}

@Suite("Channel transport")
struct ChannelTransportTests {
    /// More than a socket of this machine takes at once.
    private static let muchBytes = 4 << 20

    private static let much: ByteBuffer = {
        var bytes = ByteBuffer()
        for number in 0..<UInt8(64) { bytes.writeRepeatingByte(number, count: muchBytes / 64) }
        return bytes
    }()

    private static func counted(_ stream: ByteStream) throws -> WriteCounter {
        let counter = WriteCounter()
        try stream.channel.pipeline.syncOperations.addHandler(counter, position: .first)
        return counter
    }

    private static func send(_ text: String, to stream: ByteStream) {
        stream.write(ByteBuffer(string: text))
        stream.send()
    }

    @Test("what the kernel takes at once goes straight to it")
    func goesStraight() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            let counter = try Self.counted(ours)
            for text in ["one", "two", "six"] {
                Self.send(text, to: ours)
                #expect(String(buffer: try await theirs.read(3)) == text)
            }
            #expect(counter.bytes == 0 && ours.hasRoom)
        }
    }

    @Test("what the kernel takes a part of is sent to its end, and what comes after it waits behind it")
    func sendsRest() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            let counter = try Self.counted(ours)
            ours.write(Self.much)
            ours.send()
            #expect(!ours.hasRoom)
            #expect(counter.bytes > 0 && counter.bytes < Self.muchBytes)
            Self.send("after", to: ours)
            let sender = bench.beside { (try? await ours.flush()) != nil }
            #expect(try await theirs.read(Self.muchBytes) == Self.much)
            #expect(String(buffer: try await theirs.read(5)) == "after")
            #expect(await sender.value)
            let queued = counter.bytes
            Self.send("straight", to: ours)
            #expect(String(buffer: try await theirs.read(8)) == "straight")
            #expect(counter.bytes == queued && ours.hasRoom)
        }
    }

    @Test("where the kernel has no room at all, the order stays")
    func waitsForRoom() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            let counter = try Self.counted(ours)
            var sent = ""
            // Once the kernel has no room, so much again.
            while counter.bytes < 1000 {
                let line = "\(sent.utf8.count)\n"
                sent += line
                Self.send(line, to: ours)
            }
            #expect(sent.utf8.count > counter.bytes)
            #expect(String(buffer: try await theirs.read(sent.utf8.count)) == sent)
        }
    }

    @Test("while the peer reads now and then, the order stays")
    func keepsOrder() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            let sizes = (0..<400).map { $0 * 7919 % 100_000 }
            let sender = bench.beside {
                for (number, size) in sizes.enumerated() {
                    ours.write(ByteBuffer(repeating: UInt8(number % 251), count: size))
                    if number % 3 == 0 { ours.write(ByteBuffer(repeating: 255, count: 1)) }
                    guard (try? await ours.flush()) != nil else { return false }
                }
                await ours.finishOutput()
                return true
            }
            for (number, size) in sizes.enumerated() {
                #expect(try await theirs.read(size) == ByteBuffer(repeating: UInt8(number % 251), count: size))
                if number % 3 == 0 { #expect(try await theirs.read(1) == ByteBuffer(repeating: 255, count: 1)) }
            }
            #expect(await theirs.readToEnd() == "")
            #expect(await sender.value)
        }
    }

    @Test("the end of the output comes after all that was sent")
    func finishes() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            ours.write(ByteBuffer(string: "head"))
            ours.write(Self.much)
            ours.write(ByteBuffer(string: "tail"))
            let end = bench.beside { await ours.finishOutput() }
            #expect(String(buffer: try await theirs.read(4)) == "head")
            #expect(try await theirs.read(Self.muchBytes) == Self.much)
            #expect(await theirs.readToEnd() == "tail")
            await end.value
            #expect(ours.isOpen)
        }
    }

    @Test("a stream that was closed sends nothing to whoever has its descriptor then")
    func leavesDescriptor() async throws {
        try await Bench.run { bench in
            let (former, _) = try await bench.pair()
            former.close()
            #expect(!former.isOpen)
            let (ours, theirs) = try await bench.pair()
            Self.send("stray", to: former)
            Self.send("mine", to: ours)
            theirs.send("theirs")
            #expect(String(buffer: try await theirs.read(4)) == "mine")
            #expect(await ours.readMore())
            #expect(String(buffer: ours.takeUnread()) == "theirs" && theirs.stream.unread.readableBytes == 0)
            await #expect(throws: StreamError.self) { try await former.flush() }
        }
    }

    @Test("a peer that is gone closes the stream, as it does behind a handler", arguments: [false, true])
    func noticesDeparture(isBehindHandler: Bool) async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            if isBehindHandler { try ours.insert(Shout()) }
            theirs.close()
            Self.send("lost", to: ours)
            #expect(!ours.isOpen && !ours.inputIsOpen)
            await #expect(throws: StreamError.self) { try await ours.flush() }
        }
    }

    @Test("what was sent before a handler comes first, and what is sent after it passes it")
    func passesHandler() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            Self.send("low ", to: ours)
            try ours.insert(Shout())
            Self.send("loud", to: ours)
            #expect(String(buffer: try await theirs.read(8)) == "low LOUD")
        }
    }
}
