import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("http://a", "http", "a", nil, "/"),
        ("http://a/", "http", "a", nil, "/"),
        ("HTTP://A.b:8080/x//y/../z?q#r=%zz", "http", "A.b", 8080, "/x//y/../z?q#r=%zz"),
        ("https://a?q", "https", "a", nil, "/?q"),
        ("http://a:80/", "http", "a", 80, "/"),
        ("http://a:/", "http", "a", nil, "/"),
        ("http://[2001:db8::1]:81/\u{ff}", "http", "2001:db8::1", 81, "/\u{ff}"),
        ("http://127.0.0.1/", "http", "127.0.0.1", nil, "/"),
        ("http://a/http://b/", "http", "a", nil, "/http://b/"),
        ("http://my_host-1.x~/", "http", "my_host-1.x~", nil, "/"),
    ])
    func readsAbsoluteForm(_ target: String, scheme: String, host: String, port: Int?, path: String) throws {
        let authority = Authority(host: host, port: port)
        let expected = RequestTarget.absolute(scheme: scheme, authority: authority, path: bytes(path))
        #expect(try RequestTarget(head("GET", target)) == expected)
    }

    @Test func readsTheOtherForms() throws {
        #expect(try RequestTarget(head("GET", "/a?b")) == .origin(path: bytes("/a?b")))
        #expect(try RequestTarget(head("GET", "//a/b")) == .origin(path: bytes("//a/b")))
        #expect(try RequestTarget(head("OPTIONS", "*")) == .asterisk)
        #expect(try RequestTarget(head("CONNECT", "a:443")) == .authority(Authority(host: "a", port: 443)))
        #expect(try RequestTarget(head("CONNECT", "[::1]:443")) == .authority(Authority(host: "::1", port: 443)))
    }

    @Test func optionsForTheWholeServerGoesOnAsAsterisk() throws {
        let server = Authority(host: "a", port: nil)
        let whole = RequestTarget.absolute(scheme: "http", authority: server, path: bytes("*"))
        #expect(try RequestTarget(head("OPTIONS", "http://a")) == whole)
        let root = RequestTarget.absolute(scheme: "http", authority: server, path: bytes("/"))
        #expect(try RequestTarget(head("OPTIONS", "http://a/")) == root)
    }

    @Test(arguments: [
        "a", "*", "http:/a", "http:a", "://a", "ftp://a/", "http://", "http:///x", "http://?x", "http://:80/",
        "http://u:p@a/", "http://a#b", "http://a\\b/", "http://a,b/", "http://a%2fb/", "http://[::1/", "http://[::1]x/",
        "http://[::g]/", "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://::1/", "http://a:0/", "http://a:65536/",
        "http://a:+80/", "http://a:80:80/", "http://\u{e9}/",
    ])
    func refuses(_ target: String) {
        #expect(throws: HTTP1Error.self) { try RequestTarget(head("GET", target)) }
    }

    @Test(arguments: ["a", "a:", ":443", "/", "http://a:443", "a:443/", "*", "a:99999999999999999999"])
    func connectRefuses(_ target: String) {
        #expect(throws: HTTP1Error.self) { try RequestTarget(head("CONNECT", target)) }
    }

    @Test func urlFromOutsideMayHoldNoSpaceOrControl() {
        #expect(throws: HTTP1Error.self) { try RequestTarget(absolute: bytes("http://a/ b")) }
        #expect(throws: HTTP1Error.self) { try RequestTarget(absolute: bytes("http://a/\r\nX: y")) }
    }

    private func head(_ method: String, _ target: String) -> RequestHead {
        RequestHead(method: method, target: bytes(target), version: .http11, fields: [:])
    }
}

@Suite struct AuthorityTests {
    @Test func writesItselfBack() {
        #expect(Authority(host: "a", port: 80).description(scheme: "http") == "a")
        #expect(Authority(host: "a", port: 443).description(scheme: "http") == "a:443")
        #expect(Authority(host: "a", port: 443).description(scheme: "https") == "a")
        #expect(Authority(host: "::1", port: nil).description(scheme: "http") == "[::1]")
        #expect(Authority(host: "::1", port: 81).description(defaultPort: nil) == "[::1]:81")
        #expect(Authority(host: "a", port: 443).description(defaultPort: nil) == "a:443")
    }

    @Test func defaultPortIsTheScheme() {
        #expect(Authority(host: "a", port: nil).port(scheme: "https") == 443)
        #expect(Authority(host: "a", port: nil).port(scheme: "http") == 80)
        #expect(Authority(host: "a", port: 1).port(scheme: "http") == 1)
    }

    @Test func checksHostsAndAuthorities() {
        #expect(["a", "a.b-c_d~", "127.0.0.1", "::1"].allSatisfy(Authority.isHost))
        #expect(!["", "a:80", "[::1]", "a b", "a/b", "\u{e9}", "a\r\n"].contains(where: Authority.isHost))
        #expect(["a", "a:80", "[::1]", "[::1]:80"].map(bytes).allSatisfy(Authority.isAuthority))
        #expect(!["", "::1", "a:b", "a@b", "[::1"].map(bytes).contains(where: Authority.isAuthority))
    }
}
