import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ALPNTests {
    @Test(arguments: [
        ([], []),
        (["http/1.1"], ["h2", "http/1.1"]),
        (["mqtt"], ["mqtt"]),
        (["mqtt", "http/1.1"], ["mqtt", "h2", "http/1.1"]),
        (["h2", "imap", "http/1.1"], ["h2", "http/1.1", "imap"]),
        (["mqtt", "mqtt"], ["mqtt"]),
        (["\u{fffd}\u{fffd}", "mqtt"], ["mqtt"]),
    ])
    func `a server is offered what the client offers, and both versions of HTTP`(names: [String], offers: [String]) {
        #expect(ALPN.offers(for: names, http2: true) == offers)
        #expect(ALPN.offers(for: names, http2: false) == offers.filter { $0 != "h2" })
    }

    @Test func `a client gets what its server chose`() {
        #expect(ALPN.answers(to: ["mqtt"], chosen: "mqtt", isAsked: true) == ["mqtt"])
        #expect(ALPN.answers(to: ["mqtt", "http/1.1"], chosen: "h2", isAsked: true) == ["h2", "http/1.1"])
        #expect(ALPN.answers(to: ["mqtt", "http/1.1"], chosen: nil, isAsked: true) == [])
        #expect(ALPN.answers(to: ["h2", "http/1.1"], chosen: nil, isAsked: true) == ["http/1.1"])
        #expect(ALPN.answers(to: ["mqtt", "http/1.1"], chosen: nil, isAsked: false) == ["http/1.1"])
    }
}
