import NIOCore
import Testing

@testable import ProxyTLS

@Suite struct ClientHelloTests {
    @Test(arguments: ["a\0.test", String(repeating: "a", count: 300), ""])
    func `an impossible server name is none`(name: String) {
        let list = Self.vector(2, [0] + Self.vector(2, Array(name.utf8)))
        let extensions = Self.vector(2, [0, 0] + Self.vector(2, list))
        let body =
            [3, 3] + [UInt8](repeating: 0, count: 32) + [0] + Self.vector(2, [0x13, 0x01]) + [1, 0] + extensions
        let hello = ([1] + Self.vector(3, body)).withUnsafeBytes { ClientHello(message: $0) }
        #expect(hello?.extensions == [0])
        #expect(hello?.serverName == nil)
    }

    @Test func `a message cut anywhere is no ClientHello`() throws {
        let message = Array(try TLSHandlerTests.clientHello().readableBytesView.dropFirst(5))
        for count in 0..<message.count {
            #expect(message.prefix(count).withUnsafeBytes { ClientHello(message: $0) } == nil)
        }
    }

    private static func vector(_ lengthBytes: Int, _ bytes: [UInt8]) -> [UInt8] {
        (0..<lengthBytes).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }
}
