import NIOCore
import Testing

@testable import ProxyCore

@Suite struct WebSocketAssemblerTests {
    private func frame(_ opcode: WebSocketFrame.Opcode, _ bytes: [UInt8], isFinal: Bool = true) -> WebSocketFrame {
        WebSocketFrame(opcode: opcode, isFinal: isFinal, payload: ByteBuffer(bytes: bytes))
    }

    private func refusal(_ frames: WebSocketFrame...) -> WebSocketError.Code? {
        var assembler = WebSocketAssembler(limit: 8)
        do {
            for frame in frames { _ = try assembler.add(frame) }
            return nil
        } catch {
            return error.code
        }
    }

    @Test("fragments are joined, also inside a character and around a ping")
    func joins() throws {
        var assembler = WebSocketAssembler(limit: 8)
        #expect(try assembler.add(frame(.text, [0x61, 0xc3], isFinal: false)) == nil)
        #expect(try assembler.add(frame(.ping, [1])) == .ping(ByteBuffer(bytes: [1])))
        #expect(try assembler.add(frame(.continuation, [], isFinal: false)) == nil)
        let whole = WebSocketPayload(type: .text, content: ByteBuffer(string: "aä"))
        #expect(try assembler.add(frame(.continuation, [0xa4])) == .message(whole))
        let empty = WebSocketPayload(type: .binary, content: ByteBuffer())
        #expect(try assembler.add(frame(.binary, [])) == .message(empty))
    }

    @Test("fragments out of order, bad text and too much are refused")
    func refusals() {
        #expect(refusal(frame(.continuation, [])) == .protocolError)
        #expect(refusal(frame(.text, [], isFinal: false), frame(.text, [])) == .protocolError)
        #expect(refusal(frame(.text, [0xff])) == .invalidPayload)
        #expect(refusal(frame(.binary, [0xff])) == nil)
        let half = [UInt8](repeating: 0, count: 5)
        #expect(refusal(frame(.binary, half, isFinal: false), frame(.continuation, half)) == .messageTooBig)
    }

    @Test("close frames carry a code that may be sent, and a reason in UTF-8")
    func closes() throws {
        var assembler = WebSocketAssembler(limit: 8)
        let bye = try WebSocketClose(ByteBuffer(bytes: [0x03, 0xe8, 0x62, 0x79, 0x65]))
        #expect(bye.code == 1000)
        #expect(bye.reason == ByteBuffer(string: "bye"))
        #expect(try assembler.add(frame(.close, [0x03, 0xe8, 0x62, 0x79, 0x65])) == .close(bye))
        #expect(try WebSocketClose(ByteBuffer()).code == nil)
        #expect(refusal(frame(.close, [3])) == .protocolError)
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            #expect(refusal(frame(.close, [UInt8(code >> 8), UInt8(code & 0xff)])) == .protocolError)
        }
        #expect(refusal(frame(.close, [0x03, 0xe8, 0xff])) == .invalidPayload)
    }
}
