import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HTTP1BodyParserTests {
    @Test func handsOnDataBeforeItsChunkIsWhole() throws {
        var parser = HTTP1BodyParser(framing: .chunked, limits: HeadLimits())
        var buffer = ByteBuffer(string: "400\r\nhello")
        #expect(try parser.next(from: &buffer) == .data(ByteBuffer(string: "hello")))
        #expect(try parser.next(from: &buffer) == nil)
        buffer = ByteBuffer(string: "world")
        #expect(try parser.next(from: &buffer) == .data(ByteBuffer(string: "world")))
    }

    @Test func noBodyEndsAtOnce() throws {
        for framing in [BodyFraming.none, .length(0)] {
            var parser = HTTP1BodyParser(framing: framing, limits: HeadLimits())
            var buffer = ByteBuffer(string: "next message")
            #expect(try parser.next(from: &buffer) == .end(trailers: nil))
            #expect(parser.isEnded)
            #expect(try parser.next(from: &buffer) == nil)
            #expect(buffer.readableBytes == 12)
        }
    }

    @Test func takesNoMoreThanItsLength() throws {
        var parser = HTTP1BodyParser(framing: .length(5), limits: HeadLimits())
        var buffer = ByteBuffer(string: "helloGET")
        #expect(try parser.next(from: &buffer) == .data(ByteBuffer(string: "hello")))
        #expect(try parser.next(from: &buffer) == .end(trailers: nil))
        #expect(buffer == ByteBuffer(string: "GET"))
    }

    @Test func givesTrailers() throws {
        var parser = HTTP1BodyParser(framing: .chunked, limits: HeadLimits())
        var buffer = ByteBuffer(string: "0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\nGET")
        #expect(try parser.next(from: &buffer) == .end(trailers: ["X-Sum": "1", "x-sum": "2"]))
        #expect(buffer == ByteBuffer(string: "GET"))
    }

    @Test func closeEndsOnlyABodyUntilClose() throws {
        var buffer = ByteBuffer(string: "x")
        var untilClose = HTTP1BodyParser(framing: .untilClose, limits: HeadLimits())
        #expect(try untilClose.next(from: &buffer) == .data(ByteBuffer(string: "x")))
        #expect(try untilClose.inputClosed() == .end(trailers: nil))
        #expect(try untilClose.inputClosed() == nil)

        var length = HTTP1BodyParser(framing: .length(5), limits: HeadLimits())
        let short = #expect(throws: HTTP1Error.self) { try length.inputClosed() }
        #expect(short?.message == "the connection closed with 5 bytes of the body missing")

        var chunked = HTTP1BodyParser(framing: .chunked, limits: HeadLimits())
        let cut = #expect(throws: HTTP1Error.self) { try chunked.inputClosed() }
        #expect(cut?.message == "the connection closed before the last chunk of the body")
    }

    @Test func sizesInAnyHexadecimalDigits() throws {
        var parser = HTTP1BodyParser(framing: .chunked, limits: HeadLimits())
        var buffer = ByteBuffer(string: "7fffffffffffffff\r\nx")
        #expect(try parser.next(from: &buffer) == .data(ByteBuffer(string: "x")))
        parser = HTTP1BodyParser(framing: .chunked, limits: HeadLimits())
        buffer = ByteBuffer(string: "aF\r\n" + Sample.repeated("x", 175) + "\r\n0\r\n\r\n")
        #expect(try parser.next(from: &buffer) == .data(ByteBuffer(repeating: UInt8(ascii: "x"), count: 175)))
        #expect(try parser.next(from: &buffer) == .end(trailers: nil))
    }
}
