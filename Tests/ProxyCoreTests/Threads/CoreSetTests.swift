import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct CoreSetTests {
    @Test func `a set of one core`() {
        #expect(CoreSet(core: 0).cores == [0])
        #expect(CoreSet(core: 77).cores == [77])
    }

    @Test func `a thread is bound for a while, and then as before`() throws {
        let own = try #require(CoreSet.ofThread)
        let core = try #require(own.cores.last)
        #expect(CoreSet(core: core).bound { CoreSet.ofThread?.cores } == [core])
        #expect(CoreSet.ofThread == own)
    }

    @Test func `a core that is not there changes nothing`() {
        let own = CoreSet.ofThread
        CoreSet(core: 1023).bindThread()
        #expect(CoreSet.ofThread == own)
    }
}
