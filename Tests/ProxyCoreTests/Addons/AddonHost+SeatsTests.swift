import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The seats of addons that the daemon starts.
struct AddonHostSeatsTests {
    private func spec(_ text: String, onFailure: FailurePolicy? = nil) throws -> AddonSpec {
        var spec = try #require(AddonSpec(parsing: text))
        spec.onFailure = onFailure
        return spec
    }

    private func names(_ host: AddonHost) -> [String] { host.members.map(\.seat.name) }

    @Test func `those of the option come in its order, before all that come by themselves`() async throws {
        let (one, two) = (try spec("one=run"), try spec("two*2=run"))
        try await Bench.run { bench in
            _ = try await bench.addon("attached", ["request"])
            #expect(bench.host.declare([one, two], new: [one, two]).isEmpty)
            #expect(names(bench.host) == ["one", "two", "two#2", "attached"])
            #expect(bench.host.declare([two, one], new: []).isEmpty)
            #expect(names(bench.host) == ["two", "two#2", "one", "attached"])
        }
    }

    @Test func `one that is added later comes behind all others`() async throws {
        let late = try spec("late=run")
        try await Bench.run { bench in
            _ = try await bench.addon("attached", ["request"])
            bench.host.declare(late)
            #expect(names(bench.host) == ["attached", "late"])
        }
    }

    @Test func `a seat stays with another command, and not with another number of processes`() async throws {
        let (former, same) = (try spec("shop=run"), try spec("shop=other"))
        let (several, fewer) = (try spec("shop*3=run"), try spec("shop*2=run"))
        try await Bench.run { bench in
            _ = bench.host.declare([former], new: [former])
            let seat = bench.host.members[0].seat
            #expect(bench.host.declare([same], new: [same]).isEmpty)
            #expect(bench.host.members[0].seat === seat && bench.host.members[0].spec == same)
            let left = bench.host.declare([several], new: [several])
            #expect(left.count == 1 && left[0] === seat && names(bench.host) == ["shop", "shop#2", "shop#3"])
            let unused = bench.host.declare([fewer], new: [fewer])
            #expect(unused.map(\.name) == ["shop#3"])
            bench.host.remove(unused)
            #expect(names(bench.host) == ["shop", "shop#2"])
        }
    }

    @Test func `a name that an attached addon has is not taken twice`() async throws {
        let shop = try spec("shop=run")
        try await Bench.run { bench in
            _ = try await bench.addon("shop", ["request"])
            bench.host.declare(shop)
            #expect(Set(names(bench.host)) == ["shop", "shop#2"])
        }
    }

    @Test func `nothing passes without a guard that is to come, until its seat is taken away`() async throws {
        let shop = try spec("shop=run", onFailure: .closed)
        try await Bench.run { bench in
            bench.host.declare(shop)
            #expect(bench.loop.dispatcher.plan[.request]?.enforcing.map(\.seat.name) == ["shop"])
            bench.host.remove(bench.host.members.map(\.seat))
            #expect(bench.loop.dispatcher.plan.isEmpty)
        }
    }

    @Test func `what becomes of the process is known of the seat`() async throws {
        let shop = try spec("shop=run")
        try await Bench.run { bench in
            bench.host.declare(shop)
            let seat = bench.host.members[0].seat
            #expect(seat.absence == .expected)
            bench.host.note(.away, "ended with exit code 3", of: "shop")
            #expect(seat.absence == .away && seat.absenceReason == "ended with exit code 3")
            #expect(bench.host.members[0].isNotAwaited)
            bench.host.note(.starting, nil, of: "shop")
            #expect(seat.absence == .starting && !bench.host.members[0].isNotAwaited)
        }
    }

    @Test func `an addon has what its rights allow it now`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["request"])
            #expect(bench.host.members[0].terms.byEvent[.request]?.mode == .enforce)
            try await addon.call("options.set", ["options": ["attached_rights": ["events"]]])
            #expect(bench.host.members[0].terms.byEvent[.request]?.mode == .observe)
            #expect(bench.loop.dispatcher.plan[.request]?.enforcing.isEmpty == true)
            _ = try await addon.told()
        }
    }
}
