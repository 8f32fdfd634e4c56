import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private struct Scene {
    let writer: WebSocketWriter
    let peer: ScriptedWebSocketPeer

    init(_ bench: Bench, masks: Bool = false, compresses: Bool = false) async throws {
        let (ours, theirs) = try await bench.pair()
        let deflater = compresses ? WebSocketDeflater(PerMessageDeflate.Coding()) : nil
        writer = WebSocketWriter(to: ours, masks: masks, deflater: deflater, on: bench.loop)
        peer = ScriptedWebSocketPeer(theirs, isClient: !masks)
    }

    func message(_ text: String, isCompressed: Bool = false) -> WebSocketMessage {
        let payload = WebSocketPayload(type: .text, isCompressed: isCompressed, content: ByteBuffer(string: text))
        return WebSocketMessage(payload, fromClient: true)
    }
}

struct WebSocketWriterTests {
    @Test func `towards a server every frame is masked, each with a key of its own`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, masks: true)
            for _ in 0..<2 { try await scene.writer.write(scene.message("hello")) }
            try await scene.writer.flush()
            let frames = [try await scene.peer.wire.read(11), try await scene.peer.wire.read(11)].map {
                Array($0.readableBytesView)
            }
            #expect(frames.allSatisfy { $0[0] == 0x81 && $0[1] == 0x85 })
            #expect(frames[0][2..<6] != frames[1][2..<6])
            for frame in frames {
                let plain = (0..<5).map { frame[6 + $0] ^ frame[2 + $0 % 4] }
                #expect(String(decoding: plain, as: UTF8.self) == "hello")
            }
        }
    }

    @Test func `a frame that passes in pieces is one frame for the peer`() async throws {
        try await Bench.run { bench in
            for masks in [true, false] {
                let scene = try await Scene(bench, masks: masks)
                #expect(scene.writer.isBetweenMessages)
                scene.writer.pass(WebSocketFrameHead(opcode: .text, isFinal: false, length: 5))
                scene.writer.pass(ByteBuffer(string: "abc"), endsFrame: false)
                scene.writer.pass(ByteBuffer(string: "de"), endsFrame: true)
                #expect(!scene.writer.isBetweenMessages)
                scene.writer.pass(WebSocketFrame(opcode: .ping, payload: ByteBuffer(string: "p")))
                scene.writer.pass(WebSocketFrameHead(opcode: .continuation, length: 1))
                scene.writer.pass(ByteBuffer(string: "f"), endsFrame: true)
                #expect(scene.writer.isBetweenMessages && scene.writer.hasUnsent)
                try await scene.writer.flush()
                #expect(!scene.writer.hasUnsent)
                for text in ["text… abcde", "ping p", "continuation f"] {
                    #expect(try await scene.peer.nextText() == text)
                }
            }
        }
    }

    @Test(arguments: [0, Limits.copiedMessage, Limits.copiedMessage + 1, 3 * Limits.messagePiece + 1])
    func `a message of any size is one frame`(count: Int) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (writer, message) = (scene.writer, scene.message(String(repeating: "x", count: count)))
            let writing = bench.beside {
                try? await writer.write(message)
                try? await writer.flush()
            }
            let frame = try await scene.peer.next()
            #expect(frame.opcode == .text && frame.isFinal && frame.payload == message.content)
            await writing.value
        }
    }

    @Test func `a message that came compressed goes on compressed, where that was agreed on`() async throws {
        try await Bench.run { bench in
            let text = String(repeating: "hello ", count: 100)
            let scene = try await Scene(bench, compresses: true)
            #expect(scene.writer.takesForeignCompression)
            try await scene.writer.write(scene.message(text, isCompressed: true))
            try await scene.writer.write(scene.message(text))
            try await scene.writer.flush()
            let (compressed, plain) = (try await scene.peer.next(), try await scene.peer.next())
            #expect(compressed.isCompressed && compressed.payload.readableBytes < 100)
            var assembler = WebSocketAssembler(limit: 1 << 20, inflater: WebSocketInflater(PerMessageDeflate.Coding()))
            try assembler.begin(
                WebSocketFrameHead(opcode: .text, isCompressed: true, length: compressed.payload.readableBytes),
                keeping: true
            )
            let message = try assembler.add(compressed.payload, endsFrame: true)
            #expect(message.map { String(buffer: $0.content) } == text)
            #expect(!plain.isCompressed && String(buffer: plain.payload) == text)
            #expect(!scene.writer.takesForeignCompression, "what follows refers to what was compressed here")
        }
    }

    @Test func `once a compressed message has not gone on as it came, none may`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            #expect(scene.writer.takesForeignCompression)
            scene.writer.missCompressed()
            #expect(!scene.writer.takesForeignCompression)
        }
    }

    @Test func `a close frame is the last, and comes once`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.writer.close(1001, "going")
            #expect(scene.writer.isClosed)
            scene.writer.close(1011, "again")
            scene.writer.pass(WebSocketFrame(opcode: .close, payload: WebSocketClose.payload(1000, "")))
            try await scene.writer.write(scene.message("late"))
            try await scene.writer.flush()
            await scene.writer.stream.finishOutput()
            #expect(try await scene.peer.nextText() == "close 1001")
            await #expect(throws: Wire.Ended.self) { try await scene.peer.next() }
        }
    }

    @Test func `no close frame comes within another, nor one without a code`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.writer.close(WebSocketClose.noCode, "")
            scene.writer.pass(WebSocketFrameHead(opcode: .text, length: 5))
            scene.writer.close(1011, "now")
            #expect(!scene.writer.isClosed)
        }
    }
}
