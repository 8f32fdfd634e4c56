import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct RandomKeysTests {
    @Test func `more keys than are fetched at once are all different`() {
        var keys = RandomKeys()
        let drawn = (0..<200).map { _ in keys.next() }
        // Of 200 in 2^32, two are equal once in 200,000 runs.
        #expect(Set(drawn).count == 200)
    }
}
