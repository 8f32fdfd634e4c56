import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct StreamRuleTests {
    @Test func `each says which option has the body pass`() throws {
        let options = ["stream_types", "stream_large_bodies", "hold_limit", "hold_idle", "memory_limit"]
        let rules: [StreamRule] = [.type, .large, .holdLimit, .holdIdle(seconds: 7), .memoryLimit]
        for (rule, option) in zip(rules, options) {
            #expect(rule.description.contains(option))
            #expect(OptionCatalogue.builtIn[option] != nil)
        }
        #expect(StreamRule.holdIdle(seconds: 7).description.contains("7 s"))
    }
}
