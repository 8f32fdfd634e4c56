import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddressBlockTests {
    private func isBlocked(_ address: String, by texts: String...) throws -> Bool {
        let blocks = texts.compactMap(AddressBlock.init(parsing:))
        #expect(blocks.map(\.text) == texts)
        return BlockedAddress(IPAddress(address), in: blocks) != nil
    }

    @Test func `kinds and networks`() throws {
        #expect(try isBlocked("10.0.0.1", by: "loopback", "private"))
        #expect(try isBlocked("::ffff:10.0.0.1", by: "10.0.0.0/8"))
        #expect(try isBlocked("169.254.169.254", by: "link_local"))
        #expect(try !isBlocked("8.8.8.8", by: "loopback", "private", "link_local", "10.0.0.0/8"))
        #expect(AddressBlock(parsing: "public") == nil)
    }
}
