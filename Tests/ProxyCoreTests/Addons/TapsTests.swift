import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What taps are shown; two of them, and the addon whose frames they see.
private struct Scene {
    let bench: Bench
    let taps: Taps
    let addons: [ScriptedAddon]
    let sessions: [AddonSession]

    init(_ bench: Bench) async throws {
        self.bench = bench
        var addons: [ScriptedAddon] = []
        for name in ["one", "two", "shop"] { addons.append(try await bench.addon(name, [])) }
        self.addons = addons
        sessions = bench.host.sessions
        taps = bench.host.taps
    }

    func start(
        _ index: Int = 0,
        addons: Set<String> = ["shop"],
        events: Set<Event> = [],
        filter: String? = nil,
        bodies: Bool = false
    ) throws {
        let session = sessions[index]
        taps.start(
            Tap(
                session: session,
                addons: addons,
                events: events,
                filter: try filter.map { text in try AddonFilter(parsing: text, nil) },
                bodies: bodies,
                rights: bench.host.rights(of: session)
            )
        )
    }

    func show(event: Event? = nil, flow: String? = nil, _ message: JSONValue = ["method": "x"], of index: Int = 2) {
        let session = sessions[index]
        let frame = TappedFrame(
            addon: session.name,
            sender: .daemon,
            time: 1,
            latencyMicroseconds: nil,
            event: event,
            flow: flow,
            message: message
        )
        taps.show(frame, of: session)
    }

    /// What a tap has been shown.
    func shown(_ index: Int = 0) async throws -> [JSONValue] {
        let addon = addons[index]
        try await addon.call("ping")
        let count = addon.lines.count { $0.contains("\"method\":\"tap\"") }
        var messages: [JSONValue] = []
        for _ in 0..<count { messages.append(try await addon.next("tap").params["message"] ?? .null) }
        return messages
    }
}

struct TapsTests {
    @Test func `a tap is shown the frames of others from its start to its end`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            #expect(!scene.taps.isActive)
            try scene.start(0, addons: [])
            #expect(scene.taps.isActive)
            scene.show()
            scene.show(of: 0)
            #expect(try await scene.shown() == [["method": "x"]])
            scene.taps.stop(scene.sessions[0])
            #expect(!scene.taps.isActive)
        }
    }

    @Test func `one that is started anew is one tap`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try scene.start(addons: ["nobody"])
            try scene.start(addons: ["shop"])
            scene.show()
            #expect(try await scene.shown().count == 1)
            scene.taps.stop(scene.sessions[0])
            #expect(!scene.taps.isActive)
        }
    }

    @Test func `it is shown the addons and events that it asks for`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try scene.start(0, addons: ["nobody"])
            try scene.start(1, events: [.request])
            scene.show(event: .request, ["n": 1])
            scene.show(event: .response, ["n": 2])
            scene.show(event: nil, ["n": 3])
            #expect(try await scene.shown(0) == [])
            #expect(try await scene.shown(1) == [["n": 1]])
        }
    }

    @Test func `a filter shows the frames of flows that match`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let flows = [
                HTTPFlow(ownRequest: .blank, nil, of: "a", on: bench.loop),
                HTTPFlow(ownRequest: .blank, nil, of: "a", on: bench.loop),
            ]
            flows[0].request.method = "PUT"
            for flow in flows { bench.loop.begin(flow) { _ in } }
            try scene.start(filter: "~m PUT")
            scene.show(event: .request, flow: flows[0].id, ["n": 1])
            scene.show(event: .request, flow: flows[1].id, ["n": 2])
            scene.show(event: .request, flow: "gone", ["n": 3])
            scene.show(["n": 4])
            try await bench.nextTurn()
            #expect(try await scene.shown() == [["n": 1]])
            for flow in flows { bench.loop.end(flow) }
        }
    }

    @Test func `bytes are shown to who asks for them`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try scene.start(0)
            try scene.start(1, bodies: true)
            let message: JSONValue = [
                "params": ["flow": ["content": "hi"], "list": [["data": "x"]], "data_client": "y"]
            ]
            scene.show(message)
            let hidden: JSONValue = [
                "params": ["flow": ["content": .null], "list": [["data": .null]], "data_client": .null]
            ]
            #expect(try await scene.shown(0) == [hidden])
            #expect(try await scene.shown(1) == [message])
        }
    }

    @Test func `who may not tap any more is shown nothing, and what is hidden now is hidden`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try scene.start(0)
            try scene.start(1)
            let hiding = try Options().applying(["redact": ["*:cookie"]]).options
            let none = try Options().applying(["attached_rights": ["events"]]).options
            scene.taps.renew { session in
                AddonRights(session.identity, session.spec, session === scene.sessions[0] ? hiding : none)
            }
            scene.show(["params": ["headers": [["Cookie", "x"], ["A", "b"]]]])
            let shown: JSONValue = ["params": ["headers": [["Cookie", .string(Redaction.mark)], ["A", "b"]]]]
            #expect(try await scene.shown(0) == [shown])
            #expect(try await scene.shown(1) == [])
        }
    }

    @Test func `secrets are proxyd's and the addons'`() async throws {
        try await Bench.run { bench in
            let key: JSONValue = [["name": "key", "type": "str", "default": "", "secret": true]]
            _ = try await bench.addon("addon", [], [.init("options", key)])
            let names = bench.host.taps.secretNames
            #expect(
                names.contains("key")
                    && names.isSuperset(
                        of: OptionCatalogue.builtIn.definitions.filter { $0.secrecy == .secret }.map(\.name)
                    )
            )
            #expect(!names.contains("listen"))
        }
    }
}
