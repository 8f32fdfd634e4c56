import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct WebSocketAssemblerTests {
    /// The messages in a server's bytes.
    private func messages(
        _ wire: [UInt8],
        compressed: PerMessageDeflate.Coding? = nil,
        keeping: Bool = true
    )
        throws(WebSocketError) -> [WebSocketPayload]
    {
        var parser = WebSocketFrameParser(sender: .server, allowsCompression: compressed != nil)
        var assembler = WebSocketAssembler(limit: 8, inflater: compressed.flatMap(WebSocketInflater.init))
        var bytes = ByteBuffer(bytes: wire)
        var result: [WebSocketPayload] = []
        while let element = try parser.next(from: &bytes) {
            switch element {
            case .control: break
            case .head(let head): try assembler.begin(head, keeping: keeping)
            case .payload(let piece, let endsFrame):
                if let message = try assembler.add(piece, endsFrame: endsFrame) { result.append(message) }
            }
        }
        return result
    }

    private func refusal(_ wire: [UInt8], keeping: Bool = true) -> WebSocketError.Code? {
        do throws(WebSocketError) {
            _ = try messages(wire, keeping: keeping)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("fragments are joined, also inside a character and around a ping")
    func joins() throws {
        let text = try messages([0x01, 2, 0x61, 0xc3, 0x89, 1, 1, 0x00, 0, 0x80, 1, 0xa4])
        #expect(text == [WebSocketPayload(type: .text, content: ByteBuffer(string: "aä"))])
        #expect(try messages([0x82, 0]) == [WebSocketPayload(type: .binary, content: ByteBuffer())])
    }

    @Test("bad text is refused at its first wrong byte, too much as soon as a head says so")
    func refusals() {
        #expect(refusal([0x81, 1, 0xff]) == .invalidPayload)
        #expect(refusal([0x01, 4, 0xff]) == .invalidPayload)
        #expect(refusal([0x81, 1, 0xc3]) == .invalidPayload)
        #expect(refusal([0x81, 1, 0xff], keeping: false) == .invalidPayload)
        #expect(refusal([0x82, 1, 0xff]) == nil)
        #expect(refusal([0x82, 9]) == .messageTooBig)
        #expect(refusal([0x02, 5, 0, 0, 0, 0, 0, 0x80, 4]) == .messageTooBig)
        #expect(refusal([0x82, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], keeping: false) == nil)
    }

    @Test("the examples of RFC 7692, section 7.2.3: a block, fragments, shared context, no content")
    func compression() throws {
        let hello = WebSocketPayload(type: .text, isCompressed: true, content: ByteBuffer(string: "Hello"))
        let block: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        let shared: [UInt8] = [0xf2, 0x00, 0x11, 0x00, 0x00]
        let coding = PerMessageDeflate.Coding()
        #expect(try messages([0xc1, 7] + block, compressed: coding) == [hello])
        #expect(try messages([0x41, 3] + block[..<3] + [0x80, 4] + block[3...], compressed: coding) == [hello])
        #expect(try messages([0xc1, 7] + block + [0xc1, 5] + shared, compressed: coding) == [hello, hello])
        let stored: [UInt8] = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]
        #expect(try messages([0xc1, 11] + stored, compressed: coding) == [hello])
        #expect(try messages([0xc1, 1, 0], compressed: coding).first?.content.readableBytes == 0)
    }

    @Test("what is no deflate data, is cut off, or grows too large is refused")
    func badCompression() {
        let coding = PerMessageDeflate.Coding()
        for wire: [UInt8] in [[0xc2, 2, 0x07, 0xff], [0xc2, 3, 0xf2, 0x48, 0xcd]] {
            #expect(throws: WebSocketError.self) { try messages(wire, compressed: coding) }
        }
        let bomb = WebSocketDeflater(coding)?.deflate(ByteBuffer(repeating: 0, count: 1 << 16)) ?? ByteBuffer()
        var wire = ByteBuffer()
        WebSocketFrame(opcode: .binary, isCompressed: true, payload: bomb).write(into: &wire, maskedWith: nil)
        #expect(throws: WebSocketError.self) { try messages(Array(wire.readableBytesView), compressed: coding) }
    }

    @Test("close frames carry a code that may be sent, and a reason in UTF-8")
    func closes() throws {
        let bye = try WebSocketClose(ByteBuffer(bytes: [0x03, 0xe8, 0x62, 0x79, 0x65]))
        #expect(bye.code == 1000)
        #expect(bye.reason == ByteBuffer(string: "bye"))
        #expect(try WebSocketClose(ByteBuffer()).code == nil)
        #expect(throws: WebSocketError.self) { try WebSocketClose(ByteBuffer(bytes: [3])) }
        #expect(throws: WebSocketError.self) { try WebSocketClose(ByteBuffer(bytes: [0x03, 0xe8, 0xff])) }
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            #expect(throws: WebSocketError.self) { try WebSocketClose(ByteBuffer(integer: code)) }
        }
        #expect(try WebSocketClose(WebSocketClose.payload(1002, String(repeating: "ä", count: 99))).code == 1002)
    }
}
