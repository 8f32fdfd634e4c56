import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private let guarded: JSONValue = [["event": "request", "on_failure": "closed"]]

extension Bench {
    fileprivate var names: [String] { host.members.map(\.seat.name) }

    /// Who is waited for at `request`.
    fileprivate var plan: [String] { loop.dispatcher.plan[.request]?.enforcing.map(\.seat.name) ?? [] }
}

/// Who sits where in the chain.
struct AddonHostTests {
    @Test func `of two addons of one name each has its own`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("shop", ["request"])
            let second = try await bench.connectAddon("second")
            second.script = { _ in [:] }
            let welcome = try await second.call("initialize", ["name": "shop", "events": ["request"]])
            #expect(welcome["addon"] == "shop#2" && bench.names == ["shop", "shop#2"])
            #expect(bench.plan == ["shop", "shop#2"])
        }
    }

    @Test func `addons come in the order that they ask for, and none that cannot be`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("last", ["request"])
            _ = try await bench.addon("first", ["request"], [.init("order", ["before": ["last"]])])
            #expect(bench.plan == ["first", "last"])
            let impossible = try await bench.connectAddon("impossible")
            let order: JSONValue = ["after": ["last"], "before": ["first"]]
            await #expect(throws: ProtocolError.self) {
                try await impossible.call("initialize", ["name": "x", "order": order])
            }
            #expect(bench.names == ["first", "last"])
            await impossible.isLetGo()
        }
    }

    @Test func `the seat of a guard that left without a word is kept for it`() async throws {
        try await Bench.run { bench in
            let former = try await bench.addon("guard", guarded)
            let seat = bench.host.members[0].seat
            await former.leave()
            #expect(bench.plan == ["guard"] && bench.host.members[0].session == nil)
            _ = try await bench.addon("guard", guarded)
            #expect(bench.host.members.count == 1 && bench.host.members[0].seat === seat)
        }
    }

    @Test func `while a guard's successor starts, what it guarded is guarded`() async throws {
        try await Bench.run { bench in
            await (try await bench.addon("guard", guarded)).leave()
            let next = try await bench.connectAddon("next")
            try await next.call("initialize", ["name": "guard", "events": ["response"]])
            #expect(bench.plan == ["guard"])
            next.answer(try await next.next("start"))
            next.answer(try await next.next("configure"))
            try await next.call("ping")
            #expect(bench.plan == [])
        }
    }

    @Test func `a successor that leaves before it was ready leaves the guard as it was`() async throws {
        try await Bench.run { bench in
            await (try await bench.addon("guard", guarded)).leave()
            let next = try await bench.connectAddon("next")
            try await next.call("initialize", ["name": "guard", "events": ["response"]])
            _ = try await next.next("start")
            await next.leave()
            #expect(bench.plan == ["guard"])
        }
    }

    @Test func `one that nothing waits for leaves no seat`() async throws {
        try await Bench.run { bench in
            await (try await bench.addon("open", ["request"])).leave()
            let polite = try await bench.addon("polite", guarded)
            try await polite.call("leave")
            await polite.leave()
            #expect(bench.names.isEmpty && bench.loop.dispatcher.plan.isEmpty)
        }
    }

    @Test func `what an addon wants changes at once`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["request"])
            let events = try await addon.call("subscribe", ["events": ["response"]])["events"]
            #expect(events == ["request", "response"])
            #expect(try await addon.call("unsubscribe", ["events": ["request"]])["events"] == ["response"])
            #expect(bench.plan == [] && bench.loop.dispatcher.hasSubscribers(.response))
        }
    }

    @Test func `a daemon that stops admits nobody`() async throws {
        try await Bench.run { bench in
            await bench.host.leave(reason: "shutdown")
            let addon = try await bench.connectAddon()
            let error = await #expect(throws: ProtocolError.self) { try await addon.call("initialize", ["name": "x"]) }
            #expect(error?.code == ProtocolError.invalidRequest && error?.message == "the daemon is stopping")
            await addon.isLetGo()
        }
    }

    @Test func `with an addon go its flows' holds, its options and its tap`() async throws {
        try await Bench.run { bench in
            let option: JSONValue = [["name": "x", "type": "str", "default": ""]]
            let addon = try await bench.addon("addon", [], [.init("options", option)])
            try await addon.call("tap.start")
            let flow = HTTPFlow.asking()
            bench.loop.begin(flow) { _ in }
            flow.control.hold(by: bench.host.members[0].seat, at: .request)
            #expect(bench.host.addonOptions.contains("x") && bench.host.taps.isActive)
            await addon.leave()
            try await bench.nextTurn()
            #expect(!bench.host.addonOptions.contains("x") && !bench.host.taps.isActive)
            #expect(!flow.control.isIntercepted)
            bench.loop.end(flow)
        }
    }
}
