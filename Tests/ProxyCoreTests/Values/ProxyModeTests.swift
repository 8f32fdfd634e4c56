import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct ProxyModeTests {
    private let listen = HostPort(host: "127.0.0.1", port: 8080)

    @Test(arguments: [
        ("regular", ProxyMode.Kind.regular, "127.0.0.1:8080"),
        ("Regular@9000", .regular, "127.0.0.1:9000"),
        ("regular@0.0.0.0:9000", .regular, "0.0.0.0:9000"),
        ("socks5", .socks5, "127.0.0.1:1080"),
        ("socks5@[::1]:0", .socks5, "[::1]:0"),
        ("transparent", .transparent, "127.0.0.1:8080"),
        ("reverse:http://a", .reverse(.init(scheme: .http, host: "a", port: 80)), "127.0.0.1:8080"),
        ("reverse:HTTPS://a.test/", .reverse(.init(scheme: .https, host: "a.test", port: 443)), "127.0.0.1:8080"),
        ("reverse:a.test", .reverse(.init(scheme: .https, host: "a.test", port: 443)), "127.0.0.1:8080"),
        ("reverse:h2c://a", .reverse(.init(scheme: .h2c, host: "a", port: 80)), "127.0.0.1:8080"),
        ("reverse:h2c://a:50051@9000", .reverse(.init(scheme: .h2c, host: "a", port: 50051)), "127.0.0.1:9000"),
        ("reverse:tcp://[::1]:25@2525", .reverse(.init(scheme: .tcp, host: "::1", port: 25)), "127.0.0.1:2525"),
        ("reverse:tls://a:853", .reverse(.init(scheme: .tls, host: "a", port: 853)), "127.0.0.1:8080"),
        ("upstream:http://p:3128", .upstream(.init(scheme: .http, host: "p", port: 3128)), "127.0.0.1:8080"),
        ("upstream:https://p", .upstream(.init(scheme: .https, host: "p", port: 443)), "127.0.0.1:8080"),
        ("upstream:p:3128", .upstream(.init(scheme: .http, host: "p", port: 3128)), "127.0.0.1:8080"),
    ])
    func reads(text: String, kind: ProxyMode.Kind, address: String) throws {
        let mode = try #require(ProxyMode(parsing: text))
        #expect(mode.kind == kind)
        #expect(mode.text == text)
        #expect(mode.address(default: listen).description == address)
    }

    @Test(arguments: [
        "", "regula", "regular:", "regular:x", "regular@", "regular@host", "regular@70000", "regular@[::1]",
        "reverse", "reverse:", "reverse:http://", "reverse:http://a:0", "reverse:http://a:70000", "reverse:http://a/b",
        "reverse:ftp://a", "reverse:tcp://a", "reverse:tls://a", "reverse:http://a b", "reverse:http://u@a",
        "upstream", "upstream:socks5://p:1", "upstream:tcp://p:1", "socks5:x", "transparent:x", "@8080",
    ])
    func refuses(text: String) {
        #expect(ProxyMode(parsing: text) == nil)
    }

    @Test(arguments: [("h2c://a", "http", true), ("http://a", "http", false), ("a", "https", false)])
    func onlyH2CIsKnownToSpeakHTTP2WithoutTLS(server: String, scheme: String, speaksH2C: Bool) throws {
        let destination = try #require(ProxyMode(parsing: "reverse:" + server)?.reverseDestination)
        #expect((destination.scheme, destination.speaksH2C) == (scheme, speaksH2C))
    }

    @Test func anOwnPortOfListenIsEveryModes() throws {
        let mode = try #require(ProxyMode(parsing: "socks5"))
        #expect(mode.address(default: HostPort(host: "::", port: 0)) == HostPort(host: "::", port: 0))
    }

    @Test(arguments: [
        (["regular", "socks5"], false), (["regular", "transparent"], true), (["regular@0", "socks5@0"], false),
        (["regular@9000", "socks5@[::]:9000"], true), (["regular@127.0.0.2:9000", "socks5@9000"], false),
    ])
    func clashes(texts: [String], expected: Bool) {
        #expect((texts.compactMap { ProxyMode(parsing: $0) }.clash(default: listen) != nil) == expected)
    }

    @Test func theFlagMayBeRepeated() throws {
        var sources = OptionSources()
        sources.configFile = "/dev/null"
        sources.flags = [("mode", "--mode", "socks5"), ("mode", "--mode", "regular")]
        #expect(try sources.load().mode.map(\.text) == ["socks5", "regular"])
    }
}
