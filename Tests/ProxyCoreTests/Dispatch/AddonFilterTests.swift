import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

struct AddonFilterTests {
    private func flow() -> HTTPFlow {
        let flow = HTTPFlow.sample(hasResponse: true)
        flow.request.headers.append("Cookie", "id=sesame")
        flow.notes.set(.init("proxyauth", ["ann", "hunter2"]))
        return flow
    }

    private func matches(_ text: String, hiding names: [String]) throws -> Bool? {
        try AddonFilter(parsing: text, Redaction(names)).matches(HTTPFlowView(flow: flow()))
    }

    @Test(
        arguments: [
            ("~h sesame", "cookie"), ("~hq sesame", "Cookie"), ("~t text", "content-type"),
            ("~meta hunter2", "proxy-authorization"),
        ]
    )
    func `an addon finds nothing in what it is not shown`(text: String, name: String) throws {
        #expect(try matches(text, hiding: []) == true)
        #expect(try matches(text, hiding: [name]) == false)
        #expect(try matches(text, hiding: ["x-other"]) == true)
    }

    @Test(arguments: ["~h ^cookie", "~u a.test", "~c 200", "~m POST", "~d a.test", "~bs answer", "~s"])
    func `it finds all else, the name of a field included`(text: String) throws {
        #expect(try matches(text, hiding: ["cookie"]) == true)
    }

    @Test func `it finds nothing hidden either before the request has gone on`() throws {
        let view = HTTPFlowView(flow: flow())
        #expect(try AddonFilter(parsing: "~hq sesame", nil).willMatch(view) == true)
        #expect(try AddonFilter(parsing: "~hq sesame", Redaction(["cookie"])).willMatch(view) == false)
    }

    @Test func `text that is no filter is refused`() {
        #expect(throws: ProtocolError.self) { try AddonFilter(parsing: "~nosuch", nil) }
    }

    @Test func `what cannot be told counts as a match`() throws {
        let flow = flow()
        flow.response?.headers.append("Content-Encoding", "gzip")
        flow.response?.body = .whole(ByteBuffer(repeating: 0, count: Limits.codedOnLoop + 1))
        let filter = try AddonFilter(parsing: "~bs x", nil)
        #expect(filter.matches(HTTPFlowView(flow: flow)) == nil && filter.matches(any: flow))
        #expect(try !AddonFilter(parsing: "~u elsewhere", nil).matches(any: flow))
    }

    @Test func `a large body is decoded and searched off the loop`() async throws {
        try await Bench.run { bench in
            let flow = self.flow()
            let text = String(repeating: "x", count: Limits.decodedOnLoop * 2) + "needle"
            flow.response?.headers.append("Content-Encoding", "gzip")
            flow.response?.body = .whole(try ContentCoding.gzip.encode(ByteBuffer(string: text)))
            for (pattern, isFound) in [("needle", true), ("nothing", false)] {
                let filter = try AddonFilter(parsing: "~bs \(pattern)", nil)
                #expect(filter.matches(HTTPFlowView(flow: flow)) == nil)
                #expect(await filter.matches(flow, on: bench.loop) == isFound)
            }
        }
    }
}
