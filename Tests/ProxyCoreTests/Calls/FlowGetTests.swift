import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowGetTests {
    private func flow(_ bench: Bench, bytes: Int = 3) -> HTTPFlow {
        var request = HTTPRequest.blank
        request.headers.append("X-Secret", "s3cret")
        request.body = .whole(ByteBuffer(repeating: UInt8(ascii: "a"), count: bytes))
        let flow = HTTPFlow(ownRequest: request, nil, of: "a", on: bench.loop)
        bench.loop.begin(flow) { _ in }
        return flow
    }

    @Test func `the whole flow is answered, with its timings and its hold`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("looker", [])
            let flow = flow(bench)
            let answer = try await addon.call("flow.get", ["id": .string(flow.id)])
            #expect(answer.members?.map(\.name) == ["flow", "held"])
            #expect(answer["held"]?.isNull == true)
            #expect(answer["flow"]?.members?.filter { $0.name != "timings" } == flow.snapshot.members)
            #expect(answer["flow"]?["timings"]?["held"] == 0)
            bench.loop.end(flow)
            let ended = try await addon.call("flow.get", ["id": .string(flow.id)])
            #expect(ended["flow"]?["id"] == .string(flow.id))
        }
    }

    @Test func `what is hidden from an addon is hidden here, too`() async throws {
        let options = Options.with { $0.redact = [RedactionRule(parsing: "looker:x-secret")].compactMap(\.self) }
        try await Bench.run(options) { bench in
            let addon = try await bench.addon("looker", [])
            let answer = try await addon.call("flow.get", ["id": .string(flow(bench).id)])
            let text = String(decoding: answer.encoded(), as: UTF8.self)
            #expect(!text.contains("s3cret") && text.contains(Redaction.mark))
        }
    }

    @Test func `a large flow goes out in pieces, and what is called after it is answered after it`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("looker", [])
            let flow = flow(bench, bytes: 3 * Limits.addonWriteBytes)
            let ping = bench.beside { _ = try? await addon.call("ping") }
            let answer = try await addon.call("flow.get", ["id": .string(flow.id)])
            await ping.value
            #expect(answer["flow"]?["request"]?["content"]?.stringValue?.utf8.count == 3 * Limits.addonWriteBytes)
        }
    }

    @Test func `in a batch it is an element of the array`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("looker", [])
            let id = flow(bench).id
            addon.wire.send(
                #"[{"jsonrpc":"2.0","id":101,"method":"flow.get","params":{"id":"\#(id)"}},"#
                    + #"{"jsonrpc":"2.0","id":102,"method":"ping"}]"# + "\n"
            )
            try await addon.call("ping")
            // The flow is asked on its loop, so the array may come after the ping.
            try await addon.call("flow.get", ["id": .string(id)])
            let array = try #require(addon.lines.first { $0.hasPrefix("[") })
            let answers = try JSONReader.read(Array(array.utf8)).arrayValue ?? []
            #expect(answers.first { $0["id"] == 101 }?["result"]?["flow"]?["id"] == .string(id))
            #expect(answers.first { $0["id"] == 102 }?["result"] == [:])
        }
    }

    @Test func `an answer that is not read counts among what waits`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("looker", [])
            let channel = try #require(bench.host.sessions.first?.channel)
            addon.isReading = false
            #expect(!channel.isOverflowing)
            let members = [UInt8](repeating: UInt8(ascii: " "), count: Limits.addonReplyBytes + Limits.addonWriteBytes)
            channel.answer(.number(1_000), EncodedResult(members: members))
            try await bench.nextTurn()
            #expect(channel.isOverflowing)
            channel.close()
            addon.isReading = true
            await addon.isLetGo()
        }
    }
}
