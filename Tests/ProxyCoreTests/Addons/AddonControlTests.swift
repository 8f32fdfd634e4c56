import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Addons that are added, ended and restarted while the daemon runs.
struct AddonControlTests {
    private struct Scene {
        let bench: Bench
        let control: AddonControl
        let supervision: Supervision
        let asking: ScriptedAddon
        let caller: AddonSession

        init(_ bench: Bench) async throws {
            self.bench = bench
            supervision = try Supervision(log: bench.host.log)
            control = AddonControl(host: bench.host, supervisor: supervision.supervisor)
            asking = try await bench.addon("asking", [])
            caller = try #require(bench.host.sessions.last)
        }

        var names: [String] { bench.host.members.map(\.seat.name) }
    }

    private func story(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try await body(scene)
            await scene.supervision.end()
        }
    }

    // MARK: Adding

    @Test func `an addon is added behind all others, and started`() async throws {
        try await story { scene in
            try scene.control.add(["name": "shop", "command": "exec sleep 1000", "processes": 2])
            #expect(scene.names == ["asking", "shop", "shop#2"] && scene.supervision.supervisor.has("shop"))
            let notes = [await scene.supervision.next(), await scene.supervision.next()]
            #expect(notes.sorted() == ["shop starting", "shop#2 starting"].sorted())
        }
    }

    @Test(
        arguments: [
            (["command": "run"], "name"), (["name": "a b", "command": "run"], "name"), (["name": "a"], "command"),
            (["name": "a", "command": " "], "command"), (["name": "a", "command": "run", "processes": 0], "processes"),
            (["name": "a", "command": "run", "processes": 65], "processes"),
        ] as [(JSONValue, String)]
    )
    func `what cannot be added is refused, and it is said why`(params: JSONValue, place: String) async throws {
        try await story { scene in
            let error = #expect(throws: ProtocolError.self) { try scene.control.add(params) }
            #expect(error?.code == ProtocolError.invalidParams && error?.message.hasPrefix("\(place): ") == true)
            #expect(scene.names == ["asking"])
        }
    }

    @Test func `no started addon is added twice`() async throws {
        try await story { scene in
            let params: JSONValue = ["name": "shop", "command": "exec sleep 1000"]
            try scene.control.add(params)
            #expect(throws: ProtocolError.self) { try scene.control.add(params) }
            scene.control.startUnlessThere(AddonSpec(name: "shop", command: "other"))
            #expect(scene.names == ["asking", "shop"])
            #expect(scene.bench.host.members[1].spec?.command == "exec sleep 1000")
        }
    }

    // MARK: Ending

    @Test func `an attached addon is told that it is removed, and closed`() async throws {
        try await story { scene in
            let addon = try await scene.bench.addon("shop", ["request"], [.init("on_failure", "closed")])
            let end = scene.bench.beside { try? await scene.control.remove(["name": "shop"], scene.caller) }
            let done = try await addon.next("done")
            #expect(done.params["reason"] == "removed")
            addon.answer(done)
            await end.value
            await addon.isLetGo()
            #expect(scene.names == ["asking"])
        }
    }

    @Test func `a started addon is removed with its seat and its process`() async throws {
        try await story { scene in
            try scene.control.add(["name": "shop", "command": "exec sleep 1000"])
            #expect(await scene.supervision.next() == "shop starting")
            try await scene.control.remove(["name": "shop"], scene.caller)
            #expect(scene.names == ["asking"] && !scene.supervision.supervisor.has("shop"))
            #expect(await scene.supervision.next().hasPrefix("shop away"))
        }
    }

    @Test func `the seat of a guard that has left is removed, too`() async throws {
        try await story { scene in
            await (try await scene.bench.addon("guard", ["request"], [.init("on_failure", "closed")])).leave()
            #expect(scene.names == ["asking", "guard"])
            try await scene.control.remove(["name": "guard"], scene.caller)
            #expect(scene.names == ["asking"])
        }
    }

    @Test func `an unknown addon is refused with those that there are, but for the caller`() async throws {
        try await story { scene in
            let none = await #expect(throws: ProtocolError.self) {
                try await scene.control.remove(["name": "x"], scene.caller)
            }
            #expect(none?.message.hasSuffix("the name of an addon; there is none") == true)
            _ = try await scene.bench.addon("shop", [])
            let some = await #expect(throws: ProtocolError.self) {
                try await scene.control.remove(["name": "x"], scene.caller)
            }
            #expect(some?.message.hasSuffix("the name of an addon: shop") == true)
        }
    }

    @Test func `a started addon is reloaded, an attached one cannot be`() async throws {
        try await story { scene in
            _ = try await scene.bench.addon("attached", [])
            let error = await #expect(throws: ProtocolError.self) {
                try await scene.control.reload(["name": "attached"], scene.caller)
            }
            #expect(error?.message.contains("this one attached itself") == true)
            try scene.control.add(["name": "shop", "command": "exec sleep 1000"])
            #expect(await scene.supervision.next() == "shop starting")
            try await scene.control.reload(["name": "shop"], scene.caller)
            #expect(await scene.supervision.next() == "shop away: reload")
            #expect(await scene.supervision.nextInTime() == "shop starting")
        }
    }

    // MARK: The option

    @Test func `entries of the option take the place of the former`() async throws {
        try await story { scene in
            let former = [
                AddonSpec(name: "gone", command: "exec sleep 1000"),
                AddonSpec(name: "kept", command: "exec sleep 1000"),
            ]
            await scene.control.take(former, insteadOf: [])()
            let started = [await scene.supervision.next(), await scene.supervision.next()]
            #expect(started.sorted() == ["gone starting", "kept starting"])
            let rest = scene.control.take(
                [AddonSpec(name: "new", command: "exec sleep 1000"), former[1]],
                insteadOf: former
            )
            #expect(
                scene.names == ["gone", "new", "kept", "asking"] || scene.names == ["new", "kept", "gone", "asking"]
            )
            await rest()
            #expect(scene.names == ["new", "kept", "asking"])
            let notes = [await scene.supervision.next(), await scene.supervision.next()]
            #expect(notes.contains("new starting") && notes.contains { $0.hasPrefix("gone away") })
            #expect(!notes.contains { $0.hasPrefix("kept") })
        }
    }
}
