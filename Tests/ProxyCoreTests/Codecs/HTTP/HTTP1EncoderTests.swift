import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HTTP1EncoderTests {
    @Test func writesARequest() {
        var buffer = ByteBuffer()
        let fields: HeaderFields = ["hOST": "a", "A": "1", "a": ""]
        let head = RequestHead(method: "GET", target: bytes("/\u{ff}"), version: .http10, fields: fields)
        HTTP1Encoder.write(head, into: &buffer)
        #expect(text(buffer.readableBytesView) == "GET /\u{ff} HTTP/1.0\r\nhOST: a\r\nA: 1\r\na: \r\n\r\n")
    }

    @Test func writesAResponse() {
        var buffer = ByteBuffer()
        let head = ResponseHead(status: 404, reason: bytes("\u{ff} no"), version: .http11, fields: ["X": "y"])
        HTTP1Encoder.write(head, into: &buffer)
        HTTP1Encoder.write(ResponseHead(status: 200, reason: [], version: .http11, fields: [:]), into: &buffer)
        #expect(text(buffer.readableBytesView) == "HTTP/1.1 404 \u{ff} no\r\nX: y\r\n\r\nHTTP/1.1 200 \r\n\r\n")
    }

    @Test func writesChunks() {
        var buffer = ByteBuffer()
        HTTP1Encoder.writeChunkPrefix(count: 255, into: &buffer)
        buffer.writeString("…")
        HTTP1Encoder.writeChunkSuffix(into: &buffer)
        HTTP1Encoder.writeLastChunk(trailers: nil, into: &buffer)
        HTTP1Encoder.writeLastChunk(trailers: ["X": "y"], into: &buffer)
        #expect(String(buffer: buffer) == "ff\r\n…\r\n0\r\n\r\n0\r\nX: y\r\n\r\n")
    }

    @Test func syntaxChecksForOthers() {
        #expect(HTTPSyntax.isToken(bytes("X-a")))
        #expect(!HTTPSyntax.isToken([]) && !HTTPSyntax.isToken(bytes("a b")) && !HTTPSyntax.isToken(bytes("é")))
        #expect(HTTPSyntax.isFieldValue(bytes("\u{ff} \t")) && !HTTPSyntax.isFieldValue(bytes("a\r\nb")))
        #expect(HTTPSyntax.isRequestPath(bytes("/a?b")) && HTTPSyntax.isRequestPath(bytes("*")))
        #expect(!HTTPSyntax.isRequestPath(bytes("a")) && !HTTPSyntax.isRequestPath(bytes("/a b")))
        #expect(text(HTTPSyntax.reason(of: 404)) == "Not Found" && HTTPSyntax.reason(of: 799).isEmpty)
    }
}
