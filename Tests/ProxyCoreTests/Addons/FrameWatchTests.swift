import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

extension Bench {
    /// An addon that is shown all frames of others.
    fileprivate func tap() async throws -> ScriptedAddon {
        let tap = try await addon("tap", [])
        try await tap.call("tap.start")
        return tap
    }

    /// An addon that is asked something, and the flow.
    fileprivate func ask(_ event: Event = .request) -> (flow: HTTPFlow, end: Task<Bool, Never>) {
        let flow = HTTPFlow.asking()
        let end = beside { [loop] in
            (try? await loop.dispatcher.ask(event, flow, on: loop, Interruption())) != nil
        }
        return (flow, end)
    }
}

struct FrameWatchTests {
    @Test func `a reply is shown with the request that it answers, and how long that took`() async throws {
        try await Bench.run { bench in
            let tap = try await bench.tap()
            let addon = try await bench.addon("addon", ["request"])
            _ = try await tap.told()
            let (_, end) = bench.ask()
            let asked = try await addon.next("request")
            let request = try await tap.next("tap").params
            #expect(request["direction"] == "daemon" && request["addon"] == "addon" && request["latency_us"] == .null)
            #expect(request["message"]?["method"] == "request" && request["message"]?["id"] == asked.id?.json)
            addon.answer(asked, ["action": "continue"])
            #expect(await end.value)
            let reply = try await tap.next("tap").params
            #expect(reply["direction"] == "addon" && reply["message"]?["result"] == ["action": "continue"])
            #expect((reply["latency_us"]?.intValue ?? -1) >= 0)
            #expect((reply["seq"]?.intValue ?? 0) == (request["seq"]?.intValue ?? 0) + 1)
        }
    }

    @Test func `calls and their answers are shown, but not the tap's own`() async throws {
        try await Bench.run { bench in
            let tap = try await bench.tap()
            let addon = try await bench.addon("addon", [])
            _ = try await tap.told()
            _ = try? await addon.call("flow.get", ["id": "nothing"])
            let (call, answer) = (try await tap.next("tap").params, try await tap.next("tap").params)
            #expect(call["message"]?["method"] == "flow.get" && call["direction"] == "addon")
            #expect(answer["message"]?["error"] != nil && answer["direction"] == "daemon")
            #expect((answer["latency_us"]?.intValue ?? -1) >= 0)
            #expect(try await tap.told() == [])
        }
    }

    @Test func `each message of a batch is shown, and what is none as bytes`() async throws {
        try await Bench.run { bench in
            let tap = try await bench.tap()
            let addon = try await bench.addon("addon", [])
            _ = try await tap.told()
            addon.wire.send("[\(#"{"jsonrpc":"2.0","method":"a"}"#),\(#"{"jsonrpc":"2.0","method":"b"}"#)]\n")
            for method in ["a", "b"] {
                #expect(try await tap.next("tap").params["message"]?["method"] == .string(method))
            }
            addon.wire.send("nonsense\n")
            #expect(try await tap.next("tap").params["message"] == "nonsense")
            _ = try await addon.next("failure")
            _ = try await tap.told()
        }
    }
}
