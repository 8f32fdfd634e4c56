import NIOCore
import Testing

@testable import ProxyTLS

@Suite struct ClientHelloPeekTests {
    @Test func `a ClientHello is complete with its last byte and not before`() throws {
        let record = try TLSHandlerTests.clientHello()
        for count in 0..<record.readableBytes {
            let part = try #require(record.getSlice(at: record.readerIndex, length: count))
            #expect(ClientHelloPeek(part) == .incomplete)
        }
        guard case .complete(let hello) = ClientHelloPeek(record) else {
            Issue.record("the whole record is no ClientHello")
            return
        }
        #expect(!hello.cipherSuites.isEmpty)
    }

    @Test(arguments: [1, 2, 5, 100]) func `it may span several records`(size: Int) throws {
        let record = try TLSHandlerTests.clientHello()
        var message = try #require(record.getSlice(at: record.readerIndex + 5, length: record.readableBytes - 5))
        var split = ByteBuffer()
        while message.readableBytes > 0, let part = message.readSlice(length: min(size, message.readableBytes)) {
            split.writeBytes([22, 3, 1])
            split.writeInteger(UInt16(part.readableBytes))
            split.writeImmutableBuffer(part)
        }
        #expect(ClientHelloPeek(split) == ClientHelloPeek(record))
    }

    @Test(
        arguments: [
            [21, 3, 1, 0, 2, 2, 40], [22, 3, 1, 0, 1, 2], [22, 3, 1, 0, 4, 2, 0, 0, 0], [22, 3, 1, 0, 4, 1, 1, 0, 0],
            [22, 3, 1, 0, 4, 1, 0, 0, 0], [0x47, 0x45, 0x54],
        ] as [[UInt8]]
    )
    func `what is none`(bytes: [UInt8]) {
        #expect(ClientHelloPeek(ByteBuffer(bytes: bytes)) == .malformed)
    }
}
