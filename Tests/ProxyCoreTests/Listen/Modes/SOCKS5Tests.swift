import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Each message, split in two at every position: nothing may be consumed before it is complete, and nothing beyond it.
@Suite struct SOCKS5Tests {
    private func feed<Value: Equatable, Failure: Error>(
        _ bytes: [UInt8],
        _ parse: (inout ByteBuffer) throws(Failure) -> Value?
    ) throws -> Value? {
        var outcomes: [Value?] = []
        for cut in 0...bytes.count {
            var buffer = ByteBuffer(bytes: bytes[..<cut])
            var value = try parse(&buffer)
            if value == nil {
                #expect(buffer.readableBytes == cut)
                buffer.writeBytes(bytes[cut...])
                value = try parse(&buffer)
            } else {
                buffer.writeBytes(bytes[cut...])
            }
            #expect(Array(buffer.readableBytesView) == [0xEE] || value == nil)
            outcomes.append(value)
        }
        #expect(outcomes.allSatisfy { $0 == outcomes[0] })
        return outcomes[0]
    }

    @Test func greeting() throws {
        #expect(try feed([5, 2, 0, 2, 0xEE], SOCKS5.greeting) == [0, 2])
        #expect(try feed([5, 0, 0xEE], SOCKS5.greeting) == [])
    }

    @Test func login() throws {
        let bytes: [UInt8] = [1, 3] + Array("ann".utf8) + [2] + Array("pw".utf8) + [0xEE]
        #expect(try feed(bytes, SOCKS5.login) == BasicCredentials(username: "ann", password: "pw"))
        #expect(try feed([1, 0, 0, 0xEE], SOCKS5.login) == BasicCredentials(username: "", password: ""))
    }

    @Test(
        arguments: [
            ([1, 127, 0, 0, 1], "127.0.0.1"),
            ([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "::1"),
            ([3, 6] + Array("a.test".utf8), "a.test"),
        ] as [([UInt8], String)]
    )
    func request(address: [UInt8], host: String) throws {
        #expect(
            try feed([5, 1, 0] + address + [0x1F, 0x90, 0xEE], SOCKS5.request) == Authority(host: host, port: 8080)
        )
    }

    @Test(
        arguments: [
            ([4, 1, 0, 1, 127, 0, 0, 1, 0, 80], .wrongVersion(4)),
            ([5, 2, 0, 1, 127, 0, 0, 1, 0, 80], .refused(.commandNotSupported)),
            ([5, 1, 0, 2, 127, 0, 0, 1, 0, 80], .refused(.addressTypeNotSupported)),
            ([5, 1, 0, 1, 127, 0, 0, 1, 0, 0], .refused(.generalFailure)),
            ([5, 1, 0, 3, 3, 0x61, 0x00, 0x62, 0, 80], .refused(.generalFailure)),
            ([5, 1, 0, 3, 0, 0, 80], .refused(.generalFailure)),
        ] as [([UInt8], SOCKS5.RequestError)]
    )
    func refusals(bytes: [UInt8], error: SOCKS5.RequestError) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(throws: error) { try SOCKS5.request(from: &buffer) }
    }

    @Test func otherProtocols() {
        var http = ByteBuffer(string: "GET / HTTP/1.1\r\n")
        #expect(throws: SOCKS5.WrongVersion(found: 0x47)) { try SOCKS5.greeting(from: &http) }
    }

    @Test func answers() {
        #expect(Array(SOCKS5.answer(.noAcceptable).readableBytesView) == [5, 0xFF])
        #expect(Array(SOCKS5.answer(.connectionRefused).readableBytesView) == [5, 5, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(Array(SOCKS5.answer(isValid: false).readableBytesView) == [1, 1])
    }
}
