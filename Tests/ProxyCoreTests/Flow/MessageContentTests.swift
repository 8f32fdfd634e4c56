import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct MessageContentTests {
    private static let limit = Limits.filteredBodyBytes

    private func bodies(_ size: Int, fromClient: Bool, of side: FilterSide) -> [Int]? {
        let content = ByteBuffer(repeating: UInt8(ascii: "a"), count: size)
        guard case .known(let bodies) = FilterBodies(content, fromClient: fromClient, side) else { return nil }
        return bodies.map(\.count)
    }

    @Test func `a message is searched up to the limit of bodies`() {
        #expect(bodies(Self.limit, fromClient: true, of: .request) == [Self.limit])
        #expect(bodies(Self.limit + 1, fromClient: true, of: .request) == nil)
        #expect(bodies(Self.limit + 1, fromClient: false, of: .response) == nil)
    }

    @Test func `a message is only its own side's`() {
        #expect(bodies(3, fromClient: true, of: .request) == [3])
        #expect(bodies(3, fromClient: false, of: .response) == [3])
        #expect(bodies(Self.limit + 1, fromClient: true, of: .response) == [])
        #expect(bodies(3, fromClient: false, of: .request) == [])
    }
}
