import AddonProtocol
import Testing

@testable import ProxyCore

struct EventEnvelopeTests {
    private func read(_ parts: [UInt8]...) throws -> JSONValue { try JSONReader.read(Array(parts.joined())) }

    @Test func `a request has its params, and _meta as the last of them`() throws {
        var envelope = EventEnvelope(addon: "a \"b\"")
        let members = Array("{\"flow\":{\"id\":\"1\"}".utf8)
        for deadline in [5000, 5000, 20] {
            let end = envelope.end(of: members, deadlineMilliseconds: deadline)
            #expect(
                try read(envelope.request(.websocketMessage, id: 7), members, end) == [
                    "jsonrpc": "2.0", "id": 7, "method": "websocket_message",
                    "params": [
                        "flow": ["id": "1"], "_meta": ["deadline_ms": .integer(deadline), "addon": "a \"b\""],
                    ],
                ]
            )
        }
    }

    @Test func `an event without arguments has _meta alone`() throws {
        let envelope = EventEnvelope(addon: "a")
        let members = Array("{".utf8)
        #expect(
            try read(envelope.notification("running"), members, envelope.end(of: members)) == [
                "jsonrpc": "2.0", "method": "running", "params": ["_meta": ["addon": "a"]],
            ]
        )
    }
}
