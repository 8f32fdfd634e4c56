import AddonProtocol
import Testing

@testable import InspectorCore

struct FlowTextTests {
    private let flow: JSONValue = [
        "id": "a", "type": "http",
        "request": [
            "method": "POST", "url": "http://a.example/it's</script>", "path": "/it's</script>",
            "http_version": "HTTP/1.1",
            "headers": [["Host", "a.example"], ["X-A", "$(id)\"\\"], ["Cookie", "secret"]], "content": "it's",
        ],
        "response": [
            "status_code": 200, "reason": "OK", "http_version": "HTTP/1.1", "headers": [["A", "b"]],
            "content": "answer",
        ],
    ]

    @Test func `raw is as on the wire`() {
        #expect(
            FlowText.raw.text(of: flow)
                == "POST /it's</script> HTTP/1.1\nHost: a.example\nX-A: $(id)\"\\\nCookie: secret\n\nit's\n\nHTTP/1.1 200 OK\nA: b\n\nanswer"
        )
    }

    @Test func `fetch has what a page may send, as JSON`() {
        #expect(
            FlowText.fetch.text(of: flow)
                == #"fetch("http://a.example/it's</script>", {"method":"POST","headers":{"X-A":"$(id)\"\\"},"body":"it's"});"#
        )
    }

    @Test func `nothing but JSON is made of what is no HTTP`() {
        for form in [FlowText.curl, .fetch, .raw] {
            #expect(
                form.text(of: ["type": "tcp"]) == nil && form.text(of: .null) == nil
                    && form.text(of: ["type": "http"]) == nil
            )
        }
        #expect(FlowText.json.text(of: ["type": "tcp"]) == #"{"type":"tcp"}"#)
        #expect(FlowText.curl.text(of: ["type": "websocket", "handshake_flow": flow])?.hasPrefix("curl ") == true)
    }
}
