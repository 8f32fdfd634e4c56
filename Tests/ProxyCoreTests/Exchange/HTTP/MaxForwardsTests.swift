import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct MaxForwardsTests {
    private func request(_ method: String, _ fields: HeaderFields) -> HTTPRequest {
        HTTPFlow.asking { ($0.method, $0.headers) = (method, fields) }.request
    }

    @Test(arguments: [("TRACE", "3", "2"), ("OPTIONS", "1", "0"), ("GET", "3", "3"), ("TRACE", "x", "x")])
    func `it counts the proxies of requests that it is for`(method: String, value: String, left: String) {
        var request = request(method, ["max-forwards": value])
        #expect(!MaxForwards.endsHere(&request))
        #expect(request.headers.first("max-forwards").map { String(decoding: $0, as: UTF8.self) } == left)
    }

    @Test(arguments: [("TRACE", "0", true), ("OPTIONS", "000", true), ("GET", "0", false), ("TRACE", "", false)])
    func `at none left the request ends here`(method: String, value: String, endsHere: Bool) {
        var request = request(method, ["max-forwards": value])
        #expect(MaxForwards.endsHere(&request) == endsHere)
    }

    @Test func `without the field a request goes on`() {
        var request = request("TRACE", [:])
        #expect(!MaxForwards.endsHere(&request) && request.headers.isEmpty)
    }

    @Test func `TRACE is answered with the request, without what may be secret`() {
        let request = request(
            "TRACE",
            [
                "Host": "a.test", "Cookie": "x", "X-API-Key": "x", "Authorization": "x", "X-Session-Id": "x",
                "Via": "1.1 a",
            ]
        )
        let response = HTTPResponse.ofFinalRecipient(of: request)
        let body = response.body.bytes.map { String(buffer: $0) }
        #expect(body == "TRACE / HTTP/1.1\r\nHost: a.test\r\nVia: 1.1 a\r\n\r\n")
        #expect(
            response.status == 200
                && response.headers.first("content-type").map(Array.init) == Array("message/http".utf8)
        )
    }

    @Test func `a request that named its server in its target is shown so`() {
        var request = request("TRACE", ["Host": "a.test"])
        request.authority = Array("a.test".utf8)
        let body = HTTPResponse.ofFinalRecipient(of: request).body.bytes
        #expect(body.map { String(buffer: $0) }?.hasPrefix("TRACE http://a.test/ HTTP/1.1\r\n") == true)
    }

    @Test func `OPTIONS is answered with the methods, and nothing else`() {
        let response = HTTPResponse.ofFinalRecipient(of: request("OPTIONS", [:]))
        #expect(response.headers.contains("allow") && response.body.bytes?.readableBytes == 0)
    }
}
