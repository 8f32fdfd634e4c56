import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct EventEnvelopeTests {
    private func read(_ frame: OutgoingFrame) throws -> JSONValue { try JSONReader.read(frame.json) }

    @Test func `a request has its params, and _meta as the last of them`() throws {
        var envelope = EventEnvelope(addon: "a \"b\"")
        let members = Array("{\"flow\":{\"id\":\"1\"}".utf8)
        for deadline in [5000, 5000, 20] {
            #expect(
                try read(envelope.request(.websocketMessage, id: 7, members, timeout: .milliseconds(deadline))) == [
                    "jsonrpc": "2.0", "id": 7, "method": "websocket_message",
                    "params": [
                        "flow": ["id": "1"], "_meta": ["deadline_ms": .integer(deadline), "addon": "a \"b\""],
                    ],
                ]
            )
        }
    }

    @Test func `without a deadline there is null in its place, and the next request has its own`() throws {
        var envelope = EventEnvelope(addon: "a")
        for (timeout, deadline) in [(ReplyTimeout.never, JSONValue.null), (7, 7), (.never, .null)] {
            let request = envelope.request(.request, id: 1, Array("{".utf8), timeout: timeout)
            #expect(try read(request)["params"] == ["_meta": ["deadline_ms": deadline, "addon": "a"]])
        }
    }

    @Test func `the trace of a flow is in _meta, in every kind of frame`() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = try #require(TraceContext(parsing: Array(text.utf8)))
        let members = Array("{\"flow\":{\"id\":\"1\"}".utf8)
        var envelope = EventEnvelope(addon: "a")
        let frames = [
            envelope.request(.request, id: 1, members, trace, timeout: 5),
            envelope.notification(.request, members, trace),
        ]
        for frame in frames {
            #expect(try read(frame)["params"]?["_meta"]?["traceparent"] == .string(text))
            #expect(try read(frame)["params"]?["_meta"]?["addon"] == "a")
            for framing in [Framing.lines, .contentLength] {
                var small = ByteBuffer()
                frame.write(into: &small, framing)
                var large = LargeFrame(frame, behind: ByteBuffer(), framing)
                var pieces = ByteBuffer()
                let total = large.byteCount
                while var piece = large.next(atMost: 7) { pieces.writeBuffer(&piece) }
                #expect(small == pieces && total == pieces.readableBytes)
            }
        }
    }

    @Test func `an event without arguments has _meta alone`() throws {
        #expect(
            try read(EventEnvelope(addon: "a").notification(.running, Array("{".utf8))) == [
                "jsonrpc": "2.0", "method": "running", "params": ["_meta": ["addon": "a"]],
            ]
        )
    }

    @Test func `what is no event has no _meta`() throws {
        #expect(
            try read(EventEnvelope.notification("rejected", Array("{\"path\":\"flow\"".utf8))) == [
                "jsonrpc": "2.0", "method": "rejected", "params": ["path": "flow"],
            ]
        )
    }
}
