import NIOCore
import Testing

@testable import ProxyCore

@Suite struct WebSocketFrameParserTests {
    private let client = WebSocketFrameParser(sender: .client, limit: 1 << 20, allowsCompression: false)
    private let server = WebSocketFrameParser(sender: .server, limit: 1 << 20, allowsCompression: false)

    private func refusal(_ parser: WebSocketFrameParser, _ bytes: [UInt8]) -> WebSocketError.Code? {
        var buffer = ByteBuffer(bytes: bytes)
        do {
            _ = try parser.next(from: &buffer)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("the examples of RFC 6455, section 5.7")
    func examples() throws {
        var masked = ByteBuffer(bytes: [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
        let hello = WebSocketFrame(opcode: .text, payload: ByteBuffer(string: "Hello"))
        var written = ByteBuffer()
        hello.write(into: &written, maskedWith: WebSocketMask(value: 0x37fa_213d))
        #expect(written == masked)
        #expect(try client.next(from: &masked) == hello)
        #expect(masked.readableBytes == 0)
        var plain = ByteBuffer(bytes: [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f])
        #expect(try server.next(from: &plain) == hello)
    }

    @Test(
        "a frame of each length form, split anywhere, is taken once it is whole",
        arguments: [0, 125, 126, 65535, 65536]
    )
    func splits(size: Int) throws {
        let frame = WebSocketFrame(opcode: .binary, payload: ByteBuffer(repeating: 0x5a, count: size))
        var wire = ByteBuffer()
        frame.write(into: &wire, maskedWith: .random())
        let count = wire.readableBytes
        for split in Set(0..<min(count, 20)).union([count - 1]) {
            var part = try #require(wire.getSlice(at: 0, length: split))
            #expect(try client.next(from: &part) == nil)
            #expect(part.readableBytes == split)
            part.writeImmutableBuffer(try #require(wire.getSlice(at: split, length: count - split)))
            #expect(try client.next(from: &part) == frame)
        }
    }

    @Test("what RFC 6455 forbids is refused from the head alone")
    func refusals() {
        #expect(refusal(client, [0x81, 0x05]) == .protocolError)
        #expect(refusal(server, [0x81, 0x85]) == .protocolError)
        for reserved: UInt8 in [0x10, 0x20, 0x40] { #expect(refusal(server, [0x81 | reserved, 0]) == .protocolError) }
        for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            #expect(refusal(server, [0x80 | opcode, 0]) == .protocolError)
        }
        for opcode: UInt8 in [8, 9, 10] {
            #expect(refusal(server, [opcode, 0]) == .protocolError)
            #expect(refusal(server, [0x80 | opcode, 126]) == .protocolError)
        }
        #expect(refusal(server, [0x82, 126, 0, 125]) == .protocolError)
        #expect(refusal(server, [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) == .protocolError)
        #expect(refusal(server, [0x82, 127] + [UInt8](repeating: 0xff, count: 8)) == .protocolError)
        #expect(refusal(server, [0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 1]) == .messageTooBig)
    }

    @Test("RSV1 is allowed on a message's first frame when compression was negotiated")
    func compression() throws {
        let parser = WebSocketFrameParser(sender: .server, limit: 100, allowsCompression: true)
        var first = ByteBuffer(bytes: [0xc1, 0])
        #expect(try parser.next(from: &first)?.isCompressed == true)
        #expect(refusal(parser, [0xc0, 0]) == .protocolError)
        #expect(refusal(parser, [0xc9, 0]) == .protocolError)
    }
}
