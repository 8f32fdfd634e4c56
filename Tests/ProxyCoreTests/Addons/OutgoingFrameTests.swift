import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct OutgoingFrameTests {
    private let request = OutgoingFrame(
        head: Array("{\"id\":".utf8),
        id: -12,
        method: Array(",\"params\":".utf8),
        members: Array("{\"a\":1".utf8),
        end: Array(",}}".utf8).dropFirst()
    )

    private func written(_ frames: [OutgoingFrame], _ framing: Framing) -> String {
        var buffer = ByteBuffer()
        for frame in frames { frame.write(into: &buffer, framing) }
        return String(buffer: buffer)
    }

    @Test(arguments: [Framing.lines, .contentLength])
    func `a large frame goes out in pieces, behind what was there`(framing: Framing) {
        var large = LargeFrame(request, behind: ByteBuffer(string: "before"), framing)
        var pieces: [String] = []
        while let piece = large.next(atMost: 2) { pieces.append(String(buffer: piece)) }
        #expect(pieces.joined() == "before" + written([request], framing))
        #expect(pieces.dropFirst().dropLast() == ["{\"", "a\"", ":1"])
        #expect(large.byteCount == 0)
    }

    @Test func `the pieces are joined in order`() {
        let text = "{\"id\":-12,\"params\":{\"a\":1}}"
        #expect(String(decoding: request.json, as: UTF8.self) == text)
        let whole = OutgoingFrame(head: Array("{}".utf8))
        #expect(written([request, whole], .lines) == "\(text)\n{}\n")
        #expect(
            written([whole, request], .contentLength)
                == "Content-Length: 2\r\n\r\n{}Content-Length: \(text.utf8.count)\r\n\r\n\(text)"
        )
    }
}
