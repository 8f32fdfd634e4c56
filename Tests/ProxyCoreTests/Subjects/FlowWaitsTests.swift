import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowWaitsTests {
    @Test func `each addon's waits are added up, in the order in which they were asked first`() {
        var waits = FlowWaits()
        for name in ["b", "a", "c", "a", "b"] { waits.answered(by: name, .request, since: .now() - .seconds(2)) }
        let seconds = (waits.addons.members ?? []).map { ($0.name, ($0.value.intValue ?? 0) / 1_000_000) }
        #expect(seconds.map(\.0) == ["b", "a", "c"])
        #expect(seconds.map(\.1) == [4, 4, 2])
    }

    @Test func `no more addons are told apart than the limit says`() {
        var waits = FlowWaits()
        for number in 0..<Limits.changersOfFlow + 5 { waits.answered(by: "addon-\(number)", .request, since: .now()) }
        #expect(waits.addons.members?.count == Limits.changersOfFlow)
    }
}
