import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LayerGuessTests {
    @Test(arguments: [
        ("\u{16}\u{3}\u{1}\u{2}", LayerGuess.tls), ("GET / HTTP/1.1", .http1), ("OPTIONS *", .http1),
        ("SSH-2.0-x", .tcp), ("get / HTTP/1.1", .tcp), ("\u{0}\u{1}", .tcp), ("*1\r\n$4\r\nPING", .tcp),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2), ("PRI /x HTTP/1.1", .http1), (" GET", .tcp), ("\u{16}x", .tcp),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", .tcp),
    ])
    func theFirstBytesTell(text: String, expected: LayerGuess) {
        #expect(LayerGuess(clientBytes: ByteBuffer(string: text).readableBytesView) == expected)
    }

    @Test(arguments: ["", "\u{16}", "G", "GET", "EHLO", "PRI * HTTP/2.0\r\n"])
    func fewerBytesCouldBeEither(text: String) {
        #expect(LayerGuess(clientBytes: ByteBuffer(string: text).readableBytesView) == nil)
    }

    @Test(arguments: [
        ([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3], LayerGuess.http2), ([0, 0, 0, 4, 0, 0, 0, 0, 0], .http2),
        ([], nil), ([0], nil), ([0, 0, 18], nil), ([0, 0, 6, 4, 0, 0, 0, 0], nil),
        ([0, 1], .tcp), ([0, 0, 6, 5], .tcp), ([0, 0, 6, 4, 1], .tcp), ([0, 0, 6, 4, 0, 0, 0, 0, 1], .tcp),
        (Array("220 ".utf8), .tcp), (Array("SSH-2.0-x".utf8), .tcp), ([0x4a, 0, 0, 0, 10], .tcp),
    ])
    func aGreetingIsOfHTTP2OrOfSomethingElse(bytes: [UInt8], expected: LayerGuess?) {
        #expect(LayerGuess(serverBytes: ByteBuffer(bytes: bytes).readableBytesView) == expected)
    }
}
