import AddonProtocol
import NIOHPACK
import Testing

@testable import ProxyCore

struct HTTP2FieldsTests {
    private static let head: [(String, String)] = [
        (":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x"),
    ]

    private func request(_ more: [(String, String)], isProxied: Bool = false) throws -> RequestHead {
        try HTTP2Fields(HPACKHeaders(Self.head + more), of: .request, Limits()).requestHead(isProxied: isProxied)
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

    @Test func headsHaveLimits() {
        let limits = Limits(headBytes: 100, headFields: 2)
        let many = HPACKHeaders(Self.head + [("a", "1"), ("b", "2"), ("c", "3")])
        #expect(throws: HTTP1Error.self) { try HTTP2Fields(many, of: .request, limits) }
        let large = HPACKHeaders(Self.head + [("a", String(repeating: "x", count: 100))])
        #expect(throws: HTTP1Error.self) { try HTTP2Fields(large, of: .request, limits) }
    }

    @Test(arguments: ["", "20", "2000", "abc", "099", "101"])
    func aStatusHasThreeDigits(text: String) throws {
        let fields = try HTTP2Fields([":status": text], of: .response, Limits())
        #expect(throws: HTTP1Error.self) { try fields.responseHead() }
    }

    @Test func whatHTTP2DoesNotHaveIsLeftOut() {
        let fields: HeaderFields = ["Host": "a", "Connection": "x", "Transfer-Encoding": "chunked", "X-Case": "Y"]
        #expect(HPACKHeaders([(":status", "200")], fields) == [":status": "200", "x-case": "Y"])
    }
}
