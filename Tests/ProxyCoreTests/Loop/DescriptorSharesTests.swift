import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct DescriptorSharesTests {
    @Test(
        arguments: [
            (64, 20, 14, 28, 36), (1024, 30, 433, 866, 930), (1 << 20, 30, 524_145, 1_048_290, 1_048_418),
            (20, 20, 1, 2, 10), (Int.max, 30, (Int.max - 286) / 2, Int.max - 286, Int.max - 158),
        ] as [(Int, Int, Int, Int, Int)]
    )
    func `what a limit is enough for`(limit: Int, inUse: Int, clients: Int, connections: Int, withAddons: Int) {
        let shares = DescriptorShares(limit: limit, inUse: inUse)
        #expect([shares.clients, shares.connections, shares.withAddons] == [clients, connections, withAddons])
    }
}
