import Testing

@testable import ProxyTLS

@Suite struct LRUCacheTests {
    @Test func `the least recently used entry goes first`() {
        var cache = LRUCache<String, Int>(limit: 2)
        cache.insert(1, for: "a")
        cache.insert(2, for: "b")
        #expect(cache.value(for: "a") == 1)
        cache.insert(3, for: "c")
        #expect(cache.value(for: "b") == nil)
        #expect(cache.value(for: "a") == 1)
        #expect(cache.value(for: "c") == 3)
        #expect(cache.count == 2)
    }

    @Test func `a second value for a key takes the place of the first`() {
        var cache = LRUCache<String, Int>(limit: 1)
        cache.insert(1, for: "a")
        cache.insert(2, for: "a")
        #expect(cache.value(for: "a") == 2)
        #expect(cache.count == 1)
    }

    @Test func `it behaves as a list in order of use`() {
        var random = SystemRandomNumberGenerator()
        for limit in 1...5 {
            var cache = LRUCache<Int, Int>(limit: limit)
            var model: [(key: Int, value: Int)] = []
            for step in 0..<2_000 {
                let key = Int.random(in: 0..<8, using: &random)
                let known = model.firstIndex { $0.key == key }.map { model.remove(at: $0) }
                if Bool.random(using: &random) {
                    cache.insert(step, for: key)
                    model = Array((model + [(key, step)]).suffix(limit))
                } else {
                    #expect(cache.value(for: key) == known?.value)
                    if let known { model.append(known) }
                }
            }
        }
    }
}
