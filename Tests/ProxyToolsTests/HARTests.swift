import AddonProtocol
import Testing

@testable import ProxyTools

struct HARTests {
    private let flow: JSONValue = [
        "id": "f1", "type": "http", "timestamp_created": 1_767_225_600.5,
        "server_conn": [
            "id": "s1", "peername": ["192.0.2.7", 443], "timestamp_start": 1_767_225_600.5,
            "timestamp_tcp_setup": 1_767_225_600.75, "timestamp_tls_setup": 1_767_225_601,
        ],
        "request": [
            "method": "POST", "url": "https://a.test/x?q=a+b&c", "path": "/x?q=a+b&c", "http_version": "HTTP/1.1",
            "headers": [["Cookie", "a=1; b=2=3"], ["X", ["base64": "/w=="]]], "content": ["base64": "/w=="],
            "content_size": 1,
            "timestamp_start": 1_767_225_600.5, "timestamp_end": 1_767_225_600.5,
        ],
        "response": [
            "status_code": 200, "reason": "OK", "http_version": "HTTP/1.1",
            "headers": [["Content-Type", "text/plain"]],
            "content": "hi", "content_size": 2, "timestamp_start": 1_767_225_601.5, "timestamp_end": 1_767_225_602,
        ],
    ]

    @Test func `an entry has what went by`() throws {
        let entry = try #require(HAR.entry(flow))
        #expect(entry["startedDateTime"] == "2026-01-01T00:00:00.500Z")
        #expect(entry["time"]?.doubleValue == 1500)
        #expect(entry["timings"]?["connect"]?.doubleValue == 500)
        #expect(entry["timings"]?["ssl"]?.doubleValue == 250)
        #expect(entry["timings"]?["wait"]?.doubleValue == 500)
        #expect(entry["serverIPAddress"] == "192.0.2.7")
        let request = entry["request"]
        #expect(request?["queryString"] == [["name": "q", "value": "a b"], ["name": "c", "value": ""]])
        #expect(request?["cookies"] == [["name": "a", "value": "1"], ["name": "b", "value": "2=3"]])
        #expect(request?["headers"]?.arrayValue?.last == ["name": "X", "value": "\u{fffd}"])
        #expect(request?["postData"] == ["mimeType": "", "text": "/w==", "encoding": "base64"])
        #expect(entry["response"]?["content"] == ["size": 2, "mimeType": "text/plain", "text": "hi"])
    }

    @Test func `whole numbers are written without a fraction`() throws {
        let entry = try #require(HAR.entry(flow.setting("server_conn", .null)))
        #expect(entry["timings"]?["ssl"] == .integer(-1))
        #expect(entry["timings"]?["connect"] == .integer(-1))
        #expect(entry["timings"]?["wait"] == .integer(1000))
        #expect(entry["time"] == .integer(1500))
    }

    @Test func `what is no HTTP has none, and an error has no status`() {
        #expect(HAR.entry(["type": "tcp"]) == nil)
        let failed = flow.setting("response", .null).setting("error", ["msg": "refused", "kind": "connect_failed"])
        #expect(HAR.entry(failed)?["response"]?["status"] == 0)
        #expect(HAR.entry(failed)?["response"]?["_error"] == "refused")
    }

    @Test func `an entry reads back as the flow, also where a body has been cut off`() throws {
        let cut = flow.setting("response", try #require(flow["response"]).setting("content_complete", false))
        for (flow, isWhole) in [(flow, true), (cut, false)] {
            let read = try HAREntry(try #require(HAR.entry(flow)), id: "x").snapshot
            #expect(read["request"]?["content"] == ["base64": "/w=="])
            #expect(read["response"]?["content"] == "hi")
            #expect(read["response"]?["content_complete"] == .bool(isWhole))
        }
    }

    @Test func `messages of a WebSocket are as Chrome writes them`() {
        let messages: JSONValue = [
            ["type": "text", "from_client": true, "content": "hi", "timestamp": 1.5],
            ["type": "binary", "from_client": false, "content": "raw", "timestamp": 2],
        ]
        let entry = HAR.entry(["type": "websocket", "handshake_flow": flow, "messages": messages])
        #expect(
            entry?["_webSocketMessages"] == [
                ["type": "send", "time": 1.5, "opcode": 1, "data": "hi"],
                ["type": "receive", "time": 2, "opcode": 2, "data": "cmF3"],
            ]
        )
    }
}
