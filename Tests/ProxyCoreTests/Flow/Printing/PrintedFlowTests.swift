import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct PrintedFlowTests {
    static func flow(host: String = "h", path: [UInt8] = Array("/p".utf8)) -> HTTPFlow {
        let client = ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1)
        client.peername = .init(host: "127.0.0.1", port: 51234)
        return HTTPFlow(
            id: "f1",
            clientConnection: client,
            request: HTTPRequest(
                method: "POST",
                scheme: "http",
                host: host,
                port: 80,
                path: path,
                authority: [],
                version: .http11,
                headers: ["Host": "h"],
                body: .whole(ByteBuffer(string: "hi")),
                timestampStart: secondsSinceEpoch()
            )
        )
    }

    private static func response(_ status: Int, by origin: HTTPResponse.Origin = .server) -> HTTPResponse {
        HTTPResponse(
            status: status,
            reason: HTTPSyntax.reason(of: status),
            version: .http2,
            headers: ["A": "1"],
            body: .whole(ByteBuffer(string: "x\ny")),
            timestampStart: 0,
            origin: origin
        )
    }

    private func text(_ flow: HTTPFlow, detail: Int = 1) -> String {
        var bytes: [UInt8] = []
        if detail > 1 { PrintedFlow(flow, detail: detail).write(into: &bytes) } else { flow.printLine(into: &bytes) }
        return String(decoding: bytes, as: UTF8.self).replacing(#/\b\d+ms\b/#, with: "0ms")
    }

    @Test func `a line for a flow`() {
        let flow = Self.flow()
        flow.response = Self.response(200)
        #expect(text(flow) == "127.0.0.1:51234: POST http://h/p → 200 OK 3b 0ms")
        flow.response?.reason = []
        flow.replay = .request
        #expect(text(flow) == "[replay]: POST http://h/p → 200 3b 0ms")
    }

    @Test(arguments: [
        ("http", "h", 80, "/p", "http://h/p"), ("https", "h", 80, "/p", "https://h:80/p"),
        ("https", "h", 443, "*", "https://h"), ("http", "::1", 8080, "/é", "http://[::1]:8080/é"),
    ])
    func `where it goes, as its URL`(scheme: String, host: String, port: Int, path: String, url: String) {
        let flow = Self.flow(host: host, path: Array(path.utf8))
        (flow.request.scheme, flow.request.port) = (scheme, port)
        #expect(text(flow).hasPrefix("127.0.0.1:51234: POST \(url) → "))
        #expect(url == String(decoding: flow.request.url, as: UTF8.self))
        flow.request.method = "CONNECT"
        #expect(
            text(flow).hasPrefix("127.0.0.1:51234: CONNECT \(String(decoding: flow.request.url, as: UTF8.self)) → ")
        )
    }

    @Test func `who made the request and the answer`() {
        let flow = Self.flow()
        flow.madeBy = "x\n"
        flow.response = Self.response(403, by: .addon("guard"))
        #expect(text(flow) == #"[addon x\n]: POST http://h/p → 403 Forbidden 3b 0ms (addon:guard)"#)
        flow.failure = .init(error: FlowError(.timeout, "too late"), timestamp: 1)
        #expect(text(flow).hasSuffix(" → error: too late → 403 Forbidden 3b 0ms (addon:guard)"))
        flow.response = Self.response(504, by: .proxy)
        #expect(text(flow).hasSuffix(" → error: too late 0ms"))
    }

    @Test func `bytes that are no text, and a request that goes nowhere`() {
        let flow = Self.flow(host: "", path: Array("/\u{1b}".utf8) + [0xff, 0x0a])
        flow.failure = .init(error: FlowError(.malformedRequest, "no Host"), timestamp: 1)
        #expect(text(flow) == #"127.0.0.1:51234: POST /\x1b\xff\n → error: no Host 0ms"#)
    }

    @Test func `the messages below the line`() {
        let flow = Self.flow()
        flow.response = Self.response(200)
        let heads = ["    POST /p HTTP/1.1\n    Host: h\n", "    HTTP/2.0 200 OK\n    A: 1\n"]
        let line = "127.0.0.1:51234: POST http://h/p → 200 OK 3b 0ms\n"
        #expect(text(flow, detail: 2) == line + heads.joined(separator: "\n"))
        #expect(text(flow, detail: 3) == line + heads[0] + "\n    hi\n\n" + heads[1] + "\n    x\n    y\n")
    }

    @Test func `what is not printed is not kept`() {
        let flow = Self.flow()
        let weights = (2...3).map { PrintedFlow(flow, detail: $0).weight }
        #expect(weights[1] == weights[0] + 2)
    }
}
