import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddressGateTests {
    private func connect(to host: String, blocks: [String]) throws -> Result<Void, any Error> {
        let channel = EmbeddedChannel(handler: AddressGate(blocks.compactMap { AddressBlock(parsing: $0) }))
        let address = try SocketAddress(ipAddress: host, port: 80)
        return Result { try channel.connect(to: address).wait() }
    }

    @Test(arguments: [
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("10.1.2.3", "10.0.0.0/8"), ("::ffff:10.1.2.3", "private"),
    ])
    func `no address that is blocked gets through`(host: String, block: String) throws {
        let result = try connect(to: host, blocks: ["link_local", block])
        let error = #expect(throws: BlockedAddress.self) { try result.get() }
        #expect(error?.description.hasSuffix("is blocked by upstream_block (\(block))") == true)
    }

    @Test(arguments: ["192.0.2.1", "2001:db8::1"])
    func `every other address does`(host: String) throws {
        try connect(to: host, blocks: ["private", "loopback", "10.0.0.0/8"]).get()
        try connect(to: "127.0.0.1", blocks: []).get()
    }
}
