import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct WebSocketFrameParserTests {
    private typealias Element = WebSocketFrameParser.Element

    private func elements(
        _ bytes: [UInt8],
        from sender: WebSocketFrameParser.Sender = .server,
        allowsCompression: Bool = false
    ) throws(WebSocketError) -> [Element] {
        var parser = WebSocketFrameParser(sender: sender, allowsCompression: allowsCompression)
        var buffer = ByteBuffer(bytes: bytes)
        var result: [Element] = []
        while let element = try parser.next(from: &buffer) { result.append(element) }
        return result
    }

    private func refusal(_ bytes: [UInt8], from sender: WebSocketFrameParser.Sender = .server) -> Bool {
        (try? elements(bytes, from: sender)) == nil
    }

    @Test("the examples of RFC 6455, section 5.7")
    func examples() throws {
        let masked: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        let hello = WebSocketFrame(opcode: .text, payload: ByteBuffer(string: "Hello"))
        var written = ByteBuffer()
        hello.write(into: &written, maskedWith: WebSocketMask(key: 0x37fa_213d))
        #expect(written == ByteBuffer(bytes: masked))
        let expected: [Element] = [
            .head(.init(opcode: .text, length: 5)), .payload(ByteBuffer(string: "Hello"), endsFrame: true),
        ]
        #expect(try elements(masked, from: .client) == expected)
        #expect(try elements([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]) == expected)
    }

    @Test("a frame of each length form, split anywhere, is the same", arguments: [0, 125, 126, 65535, 65536])
    func splits(size: Int) throws {
        let payload = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0) })
        var wire = ByteBuffer()
        WebSocketFrame(opcode: .binary, payload: payload).write(
            into: &wire,
            maskedWith: WebSocketMask(key: 0x1234_5678)
        )
        let count = wire.readableBytes
        for split in Set(0..<min(count, 24)).union([count - 1]) {
            var parser = WebSocketFrameParser(sender: .client, allowsCompression: false)
            var joined = ByteBuffer()
            var ends = 0
            var bytes = try #require(wire.getSlice(at: 0, length: split))
            for rest in [ByteBuffer(), try #require(wire.getSlice(at: split, length: count - split))] {
                bytes.writeImmutableBuffer(rest)
                while let element = try parser.next(from: &bytes) {
                    guard case .payload(let piece, let endsFrame) = element else { continue }
                    joined.writeImmutableBuffer(piece)
                    ends += endsFrame ? 1 : 0
                }
            }
            #expect(joined == payload)
            #expect(ends == 1)
        }
    }

    @Test("control frames come whole, also between fragments and byte by byte")
    func control() throws {
        var parser = WebSocketFrameParser(sender: .server, allowsCompression: false)
        var bytes = ByteBuffer()
        var found: [Element] = []
        for byte: UInt8 in [0x01, 1, 0x61, 0x89, 2, 0x70, 0x71, 0x80, 0] {
            bytes.writeInteger(byte)
            while let element = try parser.next(from: &bytes) { found.append(element) }
        }
        #expect(found.contains(.control(WebSocketFrame(opcode: .ping, payload: ByteBuffer(string: "pq")))))
        #expect(found.last == .payload(ByteBuffer(), endsFrame: true))
        #expect(!parser.isInMessage)
    }

    @Test("what RFC 6455 forbids is refused from the head alone")
    func refusals() {
        #expect(refusal([0x81, 0x05], from: .client))
        #expect(refusal([0x81, 0x85]))
        for reserved: UInt8 in [0x10, 0x20, 0x40] { #expect(refusal([0x81 | reserved])) }
        for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] { #expect(refusal([0x80 | opcode])) }
        for opcode: UInt8 in [8, 9, 10] {
            #expect(refusal([opcode]))
            #expect(refusal([0x80 | opcode, 126]))
        }
        #expect(refusal([0x82, 126, 0, 125]))
        #expect(refusal([0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]))
        #expect(refusal([0x82, 127] + [UInt8](repeating: 0xff, count: 8)))
        #expect(refusal([0x80, 0]))
        #expect(refusal([0x01, 0, 0x81]))
    }

    @Test("RSV1 is allowed on a message's first frame when compression was negotiated")
    func compression() throws {
        let head = try elements([0xc1, 0], allowsCompression: true).first
        #expect(head == .head(.init(opcode: .text, isCompressed: true, length: 0)))
        for wire: [UInt8] in [[0xc9, 0], [0x41, 0, 0xc0, 0]] {
            #expect(throws: WebSocketError.self) { try elements(wire, allowsCompression: true) }
        }
    }
}
