import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonPoolTests {
    @Test func `the processes that the daemon starts for one addon are one pool`() throws {
        let processes = try #require(AddonSpec(parsing: "shop*2=run")).instances
        let pools = processes.map { AddonPool(spawned: $0) }
        #expect(pools[0] != nil && pools[0] == pools[1] && pools[0]?.name == "shop")
        #expect(AddonPool(spawned: AddonSpec(name: "shop", command: "run")) == nil)
    }

    @Test func `a connection is of a pool if it says so`() throws {
        let pooled = AddonPool(attached: try Registration(params: ["name": "shop", "pool": true]))
        #expect(pooled?.name == "shop" && pooled?.isSpawned == false)
        #expect(AddonPool(attached: try Registration(params: ["name": "shop"])) == nil)
    }

    @Test func `no process joins a pool that the daemon starts by saying its name`() throws {
        let spawned = AddonPool(spawned: try #require(AddonSpec(parsing: "shop*2=run")).instances[0])
        #expect(try AddonPool(attached: Registration(params: ["name": "shop", "pool": true])) != spawned)
    }
}
