import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

extension Bench {
    /// An addon that has said `initialize`, and nothing else.
    fileprivate func starting(_ name: String = "addon", _ extra: [JSONValue.Member] = []) async throws -> ScriptedAddon
    {
        let addon = try await connectAddon(name)
        try await addon.call("initialize", .object([.init("name", .string(name))] + extra))
        return addon
    }
}

/// How addons start, and what all of them are told.
struct AddonHostLifecycleTests {
    // MARK: The start

    @Test func `an addon that answers start or configure with an error is ready, one that does not answer is let go`()
        async throws
    {
        try await Bench.run { bench in
            let failing = try await bench.starting("failing")
            failing.fail(try await failing.next("start"), "I do not care")
            failing.fail(try await failing.next("configure"), "nor for this")
            try await failing.call("ping")
            #expect(bench.host.members[0].isReady && bench.logged("answered start with an error: I do not care"))
            let silent = try await bench.starting("silent", [.init("timeout_ms", 1)])
            _ = try await silent.next("start")
            await silent.isLetGo()
            #expect(bench.logged("error addon:silent: did not answer start: no reply within 1 ms"))
        }
    }

    @Test func `options that change while an addon starts are told before it is ready`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.starting()
            addon.answer(try await addon.next("start"))
            let first = try await addon.next("configure")
            #expect(bench.host.sessionsToConfigure(["hold_limit"]).isEmpty)
            addon.answer(first)
            let second = try await addon.next("configure")
            #expect(second.params["updated"] == ["hold_limit"])
            #expect(!bench.host.members[0].isReady)
            addon.answer(second)
            try await addon.call("ping")
            #expect(bench.host.members[0].isReady)
            #expect(bench.host.sessionsToConfigure(["hold_limit"]).map(\.name) == ["addon"])
        }
    }

    @Test func `an addon may register anew at start, under the same name`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.starting("addon", [.init("events", ["request"])])
            addon.answer(try await addon.next("start"), ["replace": ["name": "other", "events": ["response"]]])
            addon.answer(try await addon.next("start"))
            addon.answer(try await addon.next("configure"))
            try await addon.call("ping")
            let member = bench.host.members[0]
            #expect(member.seat.name == "addon" && member.terms.eventNames == ["response"])
        }
    }

    @Test func `a registration anew that is refused is the end of the addon`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.starting()
            addon.answer(try await addon.next("start"), ["replace": ["events": ["no such event"]]])
            await addon.isLetGo()
            #expect(bench.logged("error addon:addon: answered start with an invalid registration"))
        }
    }

    // MARK: Running

    @Test func `running is told once the listeners are up, also to those that come later`() async throws {
        try await Bench.run { bench in
            let early = try await bench.addon("early", ["running"])
            bench.host.announceRunning { ["a"] }
            #expect(try await early.next("running").params["listeners"] == ["a"])
            let late = try await bench.starting("late", [.init("events", ["running"])])
            late.answer(try await late.next("start"))
            late.answer(try await late.next("configure"))
            #expect(try await late.next("running").params["listeners"] == ["a"])
        }
    }

    // MARK: Waiting

    @Test func `declared addons are waited for until they are ready, or cannot come`() async throws {
        let specs = ["one", "two"].map { AddonSpec(name: $0, command: "run") }
        try await Bench.run { bench in
            let (host, loop) = (bench.host, bench.loop.eventLoop)
            for spec in specs { host.declare(spec) }
            let waiting = bench.beside { await host.waitForDeclared(within: .hours(1), on: loop) }
            try await bench.nextTurn()
            host.stepOut(specs[0])
            host.note(.away, "it ended", of: "two")
            #expect(await waiting.value == [])
            #expect(host.members.map(\.seat.name) == ["two"])
        }
    }

    @Test func `nobody waits longer than the time, or once waiting has stopped`() async throws {
        try await Bench.run { bench in
            let (host, loop) = (bench.host, bench.loop.eventLoop)
            host.declare(AddonSpec(name: "one", command: "run"))
            #expect(await host.waitForDeclared(within: .milliseconds(1), on: loop) == ["one"])
            let waiting = bench.beside { await host.waitForDeclared(within: .hours(1), on: loop) }
            try await bench.nextTurn()
            host.stopWaiting()
            #expect(await waiting.value == ["one"])
            #expect(await host.waitForDeclared(within: .hours(1), on: loop) == ["one"])
        }
    }

    @Test func `a guard whose process has ended is still waited for`() async throws {
        try await Bench.run { bench in
            bench.host.declare(AddonSpec(name: "guard", command: "run", onFailure: .closed))
            bench.host.note(.away, "it ended", of: "guard")
            #expect(await bench.host.waitForDeclared(within: .milliseconds(1), on: bench.loop.eventLoop) == ["guard"])
        }
    }

    // MARK: The log

    @Test func `an entry of the log goes to who asked, but not to whom it is about`() async throws {
        try await Bench.run { bench in
            let one = try await bench.addon("one", ["log"])
            let two = try await bench.addon("two", ["log"])
            bench.host.broadcast(
                LogEntry(level: .warn, msg: "oh", timestamp: 1.5, source: "addon:one", flow: "f1")
            )
            #expect(
                try await two.next("log").params["entry"]
                    == ["level": "warn", "msg": "oh", "timestamp": 1.5, "source": "addon:one", "flow": "f1"]
            )
            #expect(try await one.told() == [])
        }
    }

    @Test func `of an addon's processes one is told of the log`() async throws {
        try await Bench.run { bench in
            let pool = [JSONValue.Member("pool", true)]
            let addons = [try await bench.addon("shop", ["log"], pool), try await bench.addon("shop", ["log"], pool)]
            bench.host.broadcast(LogEntry(level: .info, msg: "oh", timestamp: 1, source: "proxyd", flow: nil))
            let told = [try await addons[0].told(), try await addons[1].told()]
            #expect(told.map(\.count).sorted() == [0, 1])
        }
    }
}
