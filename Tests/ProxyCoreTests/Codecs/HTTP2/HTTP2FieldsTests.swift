import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HTTP2FieldsTests {
    private static let head: [(String, String)] = [
        (":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x"),
    ]

    private func block(_ fields: [(String, String)], _ limits: HeadLimits = HeadLimits()) -> FieldBlock {
        var block = FieldBlock(limits)
        for (name, value) in fields { block.append(Array(name.utf8)[...], Array(value.utf8)[...]) }
        return block
    }

    private func request(_ more: [(String, String)], isProxied: Bool = false) throws -> RequestHead {
        try HTTP2Fields(block(Self.head + more), of: .request).requestHead(isProxied: isProxied)
    }

    @Test func theAuthorityIsTheHostAndCookiesAreOne() throws {
        let head = try request([("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")])
        #expect(head.fields == ["host": "a.test", "x": "y", "cookie": "a=1; b=2"])
        #expect(head.target == Array("/x".utf8))
        #expect(try request([], isProxied: true).target == Array("https://a.test/x".utf8))
    }

    @Test(arguments: [
        ("connection", "close"), ("Upper", "1"), ("te", "gzip"), ("x", "a\r\nb: c"), ("x", "a\0"), ("x", " a"),
        (":path", "/y"), (":nope", "1"), ("host", "b.test"), ("a b", "1"), ("", "1"),
    ])
    func whatMayNotBeForwardedIsRefused(name: String, value: String) {
        #expect(throws: HTTP1Error.self) { try request([(name, value)]) }
    }

    private func connect(_ more: [(String, String)]) throws -> RequestHead {
        let head = [(":method", "CONNECT"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x")]
        return try HTTP2Fields(block(head + more), of: .request).requestHead(isProxied: false)
    }

    @Test func anExtendedConnectIsAnUpgrade() throws {
        let head = try connect([(":protocol", "websocket"), ("sec-websocket-version", "13")])
        #expect(head.method == "GET" && head.version == .http2)
        #expect(head.fields == ["host": "a.test", "sec-websocket-version": "13", "upgrade": "websocket"])
    }

    @Test(arguments: [[], [(":protocol", "connect-udp")], [(":protocol", "websocket"), ("content-length", "1")]])
    func otherConnectsAreRefused(more: [(String, String)]) {
        #expect(throws: HTTP1Error.self) { try connect(more) }
    }

    private func tunnel(_ more: [(String, String)]) throws -> RequestHead {
        let head = [(":method", "CONNECT"), (":authority", "a.test:443")]
        return try HTTP2Fields(block(head + more), of: .request).requestHead(isProxied: true)
    }

    @Test func aConnectHasItsAuthorityForTarget() throws {
        let head = try tunnel([("x", "y")])
        #expect(head.method == "CONNECT" && head.version == .http2 && head.target == Array("a.test:443".utf8))
        #expect(head.fields == ["host": "a.test:443", "x": "y"])
    }

    @Test(arguments: [(":path", "/"), (":scheme", "https"), ("content-length", "0"), ("host", "b.test:443")])
    func aConnectHasNothingElseToSayWhereItGoes(name: String, value: String) {
        #expect(throws: HTTP1Error.self) { try tunnel([(name, value)]) }
    }

    @Test func headsHaveLimits() {
        let limits = HeadLimits(bytes: 100, fields: 2)
        let many = block(Self.head + [("a", "1"), ("b", "2"), ("c", "3")], limits)
        #expect(throws: HTTP1Error.self) { try HTTP2Fields(many, of: .request) }
        let large = block(Self.head + [("a", String(repeating: "x", count: 100))], limits)
        #expect(throws: HTTP1Error.self) { try HTTP2Fields(large, of: .request) }
    }

    @Test(arguments: ["", "20", "2000", "abc", "099", "101"])
    func aStatusHasThreeDigits(text: String) throws {
        let fields = try HTTP2Fields(block([(":status", text)]), of: .response)
        #expect(throws: HTTP1Error.self) { try fields.responseHead() }
    }

    @Test func whatHTTP2DoesNotHaveIsLeftOut() {
        let fields: HeaderFields = ["Host": "a", "Connection": "x", "Transfer-Encoding": "chunked", "X-Case": "Y"]
        #expect(HeaderFields(http2: [(":status", Array("200".utf8))], fields) == [":status": "200", "x-case": "Y"])
    }
}
