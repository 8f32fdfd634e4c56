import AddonProtocol
import Testing

@testable import ProxyCore

struct EventEnvelopeTests {
    private func read(_ frame: OutgoingFrame) throws -> JSONValue { try JSONReader.read(frame.json) }

    @Test func `a request has its params, and _meta as the last of them`() throws {
        var envelope = EventEnvelope(addon: "a \"b\"")
        let members = Array("{\"flow\":{\"id\":\"1\"}".utf8)
        for deadline in [5000, 5000, 20] {
            #expect(
                try read(envelope.request(.websocketMessage, id: 7, members, deadlineMilliseconds: deadline)) == [
                    "jsonrpc": "2.0", "id": 7, "method": "websocket_message",
                    "params": [
                        "flow": ["id": "1"], "_meta": ["deadline_ms": .integer(deadline), "addon": "a \"b\""],
                    ],
                ]
            )
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
