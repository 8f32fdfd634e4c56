import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// One event on its way along the chain.
private struct Turn {
    let flow: HTTPFlow
    let interruption = Interruption()
    let bench: Bench

    init(bench: Bench) {
        self.bench = bench
        flow = .sample(id: bench.loop.makeID(), hasResponse: false)
    }

    /// Sends the event along the chain; what comes of it, nil when the flow goes on.
    func begin(_ event: Event = .request, to audience: Audience = .everyone) -> Task<FlowError?, Never> {
        bench.beside { [self] in
            do throws(FlowError) {
                let loop = bench.loop
                try await loop.dispatcher.ask(event, flow, to: audience, on: loop, interruption)
                return nil
            } catch {
                return error
            }
        }
    }

    /// A flow that calls can find.
    func live() -> Turn {
        bench.loop.begin(flow) { interruption.interrupt($0) }
        return self
    }
}

extension ScriptedAddon.Heard {
    fileprivate var path: String? { flow["request"]?["path"]?.stringValue }
}

private func patch(path: String) -> JSONValue { ["flow": ["request": ["path": .string(path)]]] }

struct DispatcherTests {
    // MARK: The chain

    @Test func `each addon sees what those before it changed, and the observers are told last`() async throws {
        try await Bench.run { bench in
            let observer = try await bench.addon("observer", [["event": "request", "mode": "observe"]])
            let second = try await bench.addon("second", ["request"])
            let first = try await bench.addon("first", ["request"], [.init("order", ["priority": 1])])
            let turn = Turn(bench: bench)
            let end = turn.begin()
            let asked = try await first.next("request")
            #expect(asked.path == "/p?q=1")
            #expect(try await second.told() + observer.told() == [])
            first.answer(asked, patch(path: "/first"))
            let then = try await second.next("request")
            #expect(then.path == "/first")
            #expect(try await observer.told() == [])
            second.answer(then, patch(path: "/second"))
            #expect(await end.value == nil)
            let seen = try await observer.next("request")
            #expect(seen.path == "/second" && seen.id == nil)
            #expect(String(decoding: turn.flow.request.path, as: UTF8.self) == "/second")
        }
    }

    @Test func `a reply that stops the chain has the others only told`() async throws {
        try await Bench.run { bench in
            let first = try await bench.addon("first", ["request"])
            let second = try await bench.addon("second", ["request"])
            let end = Turn(bench: bench).begin()
            first.answer(try await first.next("request"), ["stop": true])
            #expect(await end.value == nil)
            #expect(try await second.next("request").id == nil)
        }
    }

    @Test func `a flow that an addon kills ends, and the others are told`() async throws {
        try await Bench.run { bench in
            let first = try await bench.addon("first", ["request"])
            let second = try await bench.addon("second", ["request"])
            let end = Turn(bench: bench).begin()
            first.answer(try await first.next("request"), ["action": "kill"])
            #expect(await end.value?.message == "killed by addon first")
            #expect(try await second.next("request").id == nil)
        }
    }

    @Test func `a filter is asked about the flow as the addons before have left it`() async throws {
        try await Bench.run { bench in
            let first = try await bench.addon("first", ["request"])
            let admin = try await bench.addon("admin", [["event": "request", "filter": "~u /admin"]])
            let other = try await bench.addon("other", [["event": "request", "filter": "~u p.q"]])
            let end = Turn(bench: bench).begin()
            first.answer(try await first.next("request"), patch(path: "/admin"))
            admin.answer(try await admin.next("request"))
            #expect(await end.value == nil)
            #expect(try await other.told() == [])
        }
    }

    @Test func `those who decided ahead are not asked again with the others`() async throws {
        try await Bench.run { bench in
            let ahead = try await bench.addon("ahead", [["event": "request", "body": "none"]])
            let late = try await bench.addon("late", ["request"])
            let turn = Turn(bench: bench)
            let deciders = bench.loop.dispatcher.plan[.request]?.deciding.filter { $0.seat.name == "ahead" } ?? []
            let first = turn.begin(to: .only(deciders))
            ahead.answer(try await ahead.next("request"))
            #expect(await first.value == nil)
            let second = turn.begin(to: .except(deciders))
            late.answer(try await late.next("request"))
            #expect(await second.value == nil)
        }
    }

    // MARK: Failures

    @Test func `an addon that fails is gone on without, or not, as its policy says`() async throws {
        try await Bench.run { bench in
            let open = try await bench.addon("open", ["request"])
            let closed = try await bench.addon("closed", [["event": "request", "on_failure": "closed"]])
            let last = try await bench.addon("last", ["request"])
            let end = Turn(bench: bench).begin()
            open.fail(try await open.next("request"), "oh")
            closed.fail(try await closed.next("request"), "no")
            let error = await end.value
            #expect(error?.kind == .addonFailed && error?.status == 502)
            #expect(error?.message == "addon closed failed at request: error reply: no (-32000)")
            #expect(try await last.next("request").id == nil)
            #expect(bench.logged("warn addon:open: failed at request: error reply: oh (-32000); continuing without it"))
        }
    }

    @Test func `one that does not answer in time is told so, and its reply comes too late`() async throws {
        try await Bench.run { bench in
            let slow = try await bench.addon(
                "slow",
                [["event": "request", "timeout_ms": 1, "on_failure": "closed"]]
            )
            let turn = Turn(bench: bench)
            let end = turn.begin()
            let asked = try await slow.next("request")
            let error = await end.value
            #expect(error?.status == 504 && error?.message.hasSuffix("no reply within 1 ms") == true)
            let cancel = try await slow.next("$/cancel")
            #expect(cancel.params["id"] == asked.id?.json && cancel.params["reason"] == "timeout")
            slow.answer(asked, patch(path: "/late"))
            let stats = try await slow.call("stats")
            #expect(stats["counters"]?["late_replies"] == 1)
            #expect(turn.flow.revision == 0)
        }
    }

    @Test(arguments: ["open", "closed"])
    func `one that leaves with the event in its hands has failed`(policy: String) async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["request"], [.init("on_failure", .string(policy))])
            let end = Turn(bench: bench).begin()
            _ = try await addon.next("request")
            addon.wire.close()
            let error = await end.value
            #expect(error?.message == (policy == "open" ? nil : "addon addon failed at request: connection lost"))
        }
    }

    @Test func `what must not pass without an addon that is away waits for it`() async throws {
        try await Bench.run { bench in
            let events: JSONValue = [["event": "request", "on_failure": "closed"]]
            let former = try await bench.addon("guard", events)
            await former.leave()
            let end = Turn(bench: bench).begin()
            let next = try await bench.addon("guard", events)
            next.answer(try await next.next("request"), patch(path: "/guarded"))
            #expect(await end.value == nil)
        }
    }

    @Test func `it waits as long as its time lasts, and no event is lost by who does not come`() async throws {
        try await Bench.run { bench in
            let guardian = try await bench.addon(
                "guard",
                [["event": "request", "on_failure": "closed", "timeout_ms": 1], "response"]
            )
            await guardian.leave()
            let error = await Turn(bench: bench).begin().value
            #expect(error?.status == 503 && error?.message == "addon guard failed at request: not there (away)")
            #expect(await Turn(bench: bench).begin(.response).value == nil)
        }
    }

    @Test(
        arguments: [
            ("[]", "unreadable reply: a JSON array"), ("\"x\"", "unreadable reply: a JSON string"),
        ]
    )
    func `a reply that is no object is a failure`(reply: String, reason: String) async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["request"], [.init("on_failure", "closed")])
            let end = Turn(bench: bench).begin()
            addon.answer(try await addon.next("request"), try JSONReader.read(Array(reply.utf8)))
            #expect(await end.value?.message == "addon addon failed at request: \(reason)")
        }
    }

    // MARK: Replies

    @Test(
        arguments: [
            (["flow": ["id": "x"]], "flow.id"), (["flow": ["request": ["port": "x"]]], "flow.request.port"),
            (["action": "jump"], "action"), (["flow": ["request": ["path": "/a"]], "other": 1], "other"),
        ] as [(JSONValue, String)]
    )
    func `a patch that is refused changes nothing, and its addon hears why`(
        reply: JSONValue,
        path: String
    ) async throws {
        try await Bench.run { bench in
            let first = try await bench.addon("first", ["request"])
            let second = try await bench.addon("second", ["request"])
            let turn = Turn(bench: bench)
            let end = turn.begin()
            first.answer(try await first.next("request"), reply)
            let then = try await second.next("request")
            #expect(then.path == "/p?q=1")
            second.answer(then)
            #expect(await end.value == nil)
            let rejected = try await first.next("rejected")
            #expect(rejected.params["path"] == .string(path))
            #expect(rejected.params["flow"] == .string(turn.flow.id) && rejected.params["event"] == "request")
            #expect(turn.flow.revision == 0 && bench.loop.counters.rejectedMutations == 1)
        }
    }

    @Test func `what an auditing addon wants is logged, and not done`() async throws {
        try await Bench.run { bench in
            let audit = try await bench.addon("audit", [["event": "request", "mode": "audit"]])
            let next = try await bench.addon("next", ["request"])
            let turn = Turn(bench: bench)
            let end = turn.begin()
            var reply = patch(path: "/audited").members ?? []
            reply.append(.init("action", "kill"))
            audit.answer(try await audit.next("request"), .object(reply))
            let then = try await next.next("request")
            #expect(then.path == "/p?q=1")
            next.answer(then)
            #expect(await end.value == nil)
            #expect(turn.flow.revision == 0)
            #expect(bench.logged("info addon:audit: audit at request, not applied: flow"))
            #expect(bench.log.contains { $0.hasSuffix("kill") })
        }
    }

    @Test func `an auditing addon that fails refuses nothing, whatever its policy`() async throws {
        try await Bench.run { bench in
            let audit = try await bench.addon(
                "audit",
                [["event": "request", "mode": "audit", "on_failure": "closed"]]
            )
            let end = Turn(bench: bench).begin()
            audit.fail(try await audit.next("request"), "oh")
            #expect(await end.value == nil)
        }
    }

    // MARK: Holding

    @Test func `a flow that is held goes on when it is resumed, and not before the chain is through`() async throws {
        try await Bench.run { bench in
            let holder = try await bench.addon("holder", ["request", "update"])
            let next = try await bench.addon("next", ["request"])
            let turn = Turn(bench: bench).live()
            let end = turn.begin()
            holder.answer(try await holder.next("request"), ["action": "hold"])
            let then = try await next.next("request")
            #expect(then.flow["intercepted"] == true)
            next.answer(then)
            #expect(try await holder.next("update").params["flows"]?.arrayValue?.first?["intercepted"] == true)
            try await holder.call("flow.resume", ["id": .string(turn.flow.id)])
            #expect(await end.value == nil)
            #expect(try await holder.next("update").params["flows"]?.arrayValue?.first?["intercepted"] == false)
        }
    }

    @Test func `what two addons hold goes on when both have left`() async throws {
        try await Bench.run { bench in
            let holders = [try await bench.addon("a", ["request"]), try await bench.addon("b", ["request"])]
            let turn = Turn(bench: bench).live()
            let end = turn.begin()
            for holder in holders { holder.answer(try await holder.next("request"), ["action": "hold"]) }
            await holders[0].leave()
            try await holders[1].call("ping")
            #expect(turn.flow.control.isIntercepted)
            holders[1].wire.close()
            #expect(await end.value == nil)
            #expect(!turn.flow.control.isIntercepted)
        }
    }

    @Test func `a hold ends with the client`() async throws {
        try await Bench.run { bench in
            let holder = try await bench.addon("holder", ["request"])
            let turn = Turn(bench: bench).live()
            let end = turn.begin()
            holder.answer(try await holder.next("request"), ["action": "hold"])
            try await holder.call("ping")
            #expect(turn.flow.control.isIntercepted)
            turn.interruption.interrupt(.clientLeftRequest)
            #expect(await end.value?.kind == .clientDisconnected)
        }
    }

    // MARK: Interruption

    @Test func `when the client leaves, who has the event is told, and the others hear of it`() async throws {
        try await Bench.run { bench in
            let first = try await bench.addon("first", ["request"], [.init("on_failure", "closed")])
            let second = try await bench.addon("second", ["request"])
            let observer = try await bench.addon("observer", [["event": "request", "mode": "observe"]])
            let turn = Turn(bench: bench)
            let end = turn.begin()
            let asked = try await first.next("request")
            turn.interruption.interrupt(FlowError(.clientDisconnected, "client disconnected"))
            #expect(await end.value?.kind == .clientDisconnected)
            let cancel = try await first.next("$/cancel")
            #expect(cancel.params["id"] == asked.id?.json && cancel.params["reason"] == "client disconnected")
            #expect(try await second.next("request").id == nil)
            #expect(try await observer.next("request").id == nil)
            first.answer(asked, patch(path: "/late"))
            try await first.call("ping")
            #expect(turn.flow.revision == 0)
        }
    }

    // MARK: Notifications

    @Test func `a notification goes to whoever wants it, and waits for nobody`() async throws {
        try await Bench.run { bench in
            let all = try await bench.addon("all", ["websocket_end"])
            let some = try await bench.addon("some", [["event": "websocket_end", "filter": "~u /elsewhere"]])
            let flow = HTTPFlow.sample(hasResponse: false)
            #expect(bench.loop.dispatcher.hasSubscribers(.websocketEnd))
            #expect(!bench.loop.dispatcher.hasSubscribers(.response))
            bench.loop.dispatcher.notify(.websocketEnd, flow)
            #expect(try await all.next("websocket_end").flow["id"] == .string(flow.id))
            #expect(try await some.told() == [])
        }
    }
}
