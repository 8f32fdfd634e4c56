import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FormerAddonsTests {
    private func statistics(waits: Int) -> AddonStatistics {
        var statistics = AddonStatistics()
        for _ in 0..<waits { statistics.answered(.request, after: .microseconds(10)) }
        return statistics
    }

    private func count(_ former: FormerAddons, _ name: String) -> JSONValue? { former[name]?.json["request"]?["count"] }

    @Test func `who leaves twice has the figures of both times`() {
        var former = FormerAddons()
        former.add("a", statistics(waits: 2))
        former.add("b", statistics(waits: 1))
        former.add("a", statistics(waits: 3))
        #expect(count(former, "a") == 5 && count(former, "b") == 1 && former["c"] == nil)
        #expect(former.names == ["b", "a"])
    }

    @Test func `those that left first are forgotten first`() {
        var former = FormerAddons()
        for number in 0...Limits.formerAddons { former.add("\(number)", statistics(waits: 1)) }
        #expect(former.names.count == Limits.formerAddons)
        #expect(former["0"] == nil && former["1"] != nil)
    }
}
