import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonSessionListingTests {
    private func listing(_ bench: Bench) async throws -> [JSONValue] {
        let asking = try await bench.addon("asking", [])
        return try await asking.call("addon.list")["addons"]?.arrayValue ?? []
    }

    @Test func `an addon that is there is listed with what it wants and what it has before it`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("shop", ["request", "response"], [.init("version", "1.2")])
            let flow = HTTPFlow.asking()
            let end = bench.beside { [loop = bench.loop] in
                try? await loop.dispatcher.ask(.request, flow, on: loop, Interruption())
            }
            let asked = try await addon.next("request")
            let listed = try #require(await listing(bench).first)
            #expect(listed["name"] == "shop" && listed["version"] == "1.2" && listed["state"] == "ready")
            #expect(listed["events"] == ["request", "response"] && listed["in_flight"] == 1)
            #expect(listed["spawned"] == false && listed["pool"] == .null && listed["reason"] == .null)
            addon.answer(asked)
            await end.value
        }
    }

    @Test func `one that is to come is listed with what waits for it`() async throws {
        try await Bench.run { bench in
            var spec = try #require(AddonSpec(parsing: "shop*2=run"))
            spec.onFailure = .closed
            spec.events = try Subscription.parse(["request", ["event": "response", "on_failure": "open"]])
            bench.host.declare(spec)
            bench.host.note(.away, "ended with exit code 3", of: "shop#2")
            let listed = try await listing(bench)
            #expect(listed[0]["name"] == "shop" && listed[0]["state"] == "expected" && listed[0]["spawned"] == true)
            #expect(listed[0]["events"] == ["request"] && listed[0]["pool"] == "shop" && listed[0]["pid"] == .null)
            #expect(listed[1]["state"] == "away" && listed[1]["reason"] == "ended with exit code 3")
        }
    }

    @Test func `one that has left is listed with all that it asked for`() async throws {
        try await Bench.run { bench in
            let events: JSONValue = [["event": "request", "on_failure": "closed"], "response"]
            await (try await bench.addon("guard", events)).leave()
            let listed = try #require(await listing(bench).first)
            #expect(listed["state"] == "away" && listed["events"] == ["request", "response"])
            #expect(listed["reason"] == "its connection has ended")
        }
    }

    @Test func `figures are listed with what waits now`() {
        var statistics = AddonStatistics()
        statistics.failed(.request)
        statistics.lateReplies = 4
        let entry = statistics.entry(queued: 2, inFlight: 3, state: "ready")
        #expect(entry["waiting"] == 2 && entry["in_flight"] == 3 && entry["late_replies"] == 4)
        #expect(entry["events"]?["request"]?["failures"] == 1 && entry["state"] == "ready")
    }
}
