import AddonProtocol
import ProxyCodecs
import ProxyCore
import Testing

@testable import ProxyTools

struct RecordedRequestTests {
    private func flow(_ changes: [(String, JSONValue)]) -> JSONValue {
        let request: JSONValue = [
            "method": "POST", "scheme": "http", "host": "a.test", "port": 80, "path": "/", "headers": [], "content": "",
        ]
        return ["type": "http", "request": changes.reduce(request) { $0.setting($1.0, $1.1) }]
    }

    @Test func `an address of IPv6 has brackets in the Host field`() {
        let params = RecordedRequest.params(of: flow([("host", "::1"), ("port", 81)]))
        #expect(params?["headers"] == [["Host", "[::1]:81"]] && params?["host"] == "::1")
        #expect(RecordedRequest.params(of: flow([("host", "::1")]))?["headers"] == [["Host", "[::1]"]])
    }

    @Test func `what was decoded for the recording is coded again`() throws {
        let params = try #require(
            RecordedRequest.params(
                of: flow([
                    ("content", "hello"), ("content_decoded", true),
                    ("headers", [["Host", "a.test"], ["Content-Encoding", "gzip"], ["Content-Length", "5"]]),
                ])
            )
        )
        let body = try #require(params["content"]?.bytesValue)
        let fields = LazyJSON(params["headers"] ?? .null).headerFields
        #expect(ContentCodings.decoded(body, as: fields, limit: 100) == Array("hello".utf8))
        #expect(fields.first("content-length")?.elementsEqual("\(body.count)".utf8) == true)
    }
}
