import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AudienceTests {
    private let whole: DispatchPlan.Route

    init() throws {
        let observes: JSONValue = [["event": "request", "mode": "observe"]]
        let plan = try DispatchPlan(of: ["a": ["request"], "b": ["request"], "c": ["request"], "d": observes])
        whole = try #require(plan[.request])
    }

    @Test func `everyone is the whole route`() {
        let route = Audience.everyone.route(whole).names
        #expect(route.enforcing == ["a", "b", "c"] && route.deciding == route.enforcing && route.observing == ["d"])
    }

    @Test func `those who decide ahead are asked alone, and the rest later`() {
        let ahead = Array(whole.deciding[1...1])
        let first = Audience.only(ahead).route(whole).names
        #expect(first.enforcing == ["b"] && first.observing.isEmpty)
        let second = Audience.except(ahead).route(whole).names
        #expect(second.enforcing == ["a", "c"] && second.observing == ["d"])
    }

    @Test func `nobody left out is everyone`() {
        let route = Audience.except([]).route(whole).names
        #expect(route.enforcing == ["a", "b", "c"] && route.deciding == ["a", "b", "c"] && route.observing == ["d"])
    }

    @Test func `an addon is known by its seat, also in a plan made anew`() throws {
        let terms = try AddonTerms(of: ["request"])
        let chain = Chain([(whole.enforcing[1].seat, terms)])
        let anew = try #require(DispatchPlan(chain, on: LoopExecutor.shared.eventLoop)[.request])
        #expect(Audience.except(anew.enforcing).route(whole).names.enforcing == ["a", "c"])
    }
}
