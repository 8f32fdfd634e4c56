import Testing

@testable import ProxyRules

@Suite struct URLMappingTests {
    @Test(
        "a beginning takes the place of another",
        arguments: [
            ("http://a.example/v1/x?y", "http://b/x?y"), ("HTTP://A.example/v1/", "http://b/"),
            ("http://a.example/v2/", nil),
            ("http://a.exampl", nil),
        ]
    )
    func prefix(url: String, expected: String?) {
        let mapping = URLMapping.prefix(from: "http://a.example/v1/", to: "http://b/")
        #expect(mapping.mapped(url) == expected)
    }

    @Test(
        "a host is meant as a whole, and paths have case",
        arguments: [
            ("http://H.test/x", "http://b/x"), ("http://h.test", "http://b"), ("http://h.test?q", "http://b?q"),
            ("http://h.test.evil.example/", nil),
        ]
    )
    func host(url: String, expected: String?) {
        #expect(URLMapping.prefix(from: "http://h.test", to: "http://b").mapped(url) == expected)
        #expect(URLMapping.prefix(from: "http://h.test/V", to: "http://b").mapped("http://h.test/v") == nil)
    }

    @Test func `a request is sent to no URL that is none`() throws {
        let map = RemoteMap.mapping(.prefix(from: "http://127.0.0.1", to: "http://127.0.0.1:1"))
        #expect(throws: ActionFailure.self) { try map.mapped("http://127.0.0.1:34197/blocked") }
        #expect(try map.mapped("http://127.0.0.1/x") == "http://127.0.0.1:1/x")
    }

    @Test(
        "a request can go there",
        arguments: ["http://a-b_c.test", "https://[::1]:8443/a?b", "HTTP://A/", "http://a:1/x@y"]
    )
    func takesRequests(text: String) { #expect(RequestURL.takesRequests(text)) }

    @Test(
        "another server keeps the path",
        arguments: [
            ("http://b:1", "http://b:1/x?y"), ("http://b/", "http://b/x?y"), ("http://b/c", "http://b/c/x?y"),
        ]
    )
    func origin(other: String, expected: String) {
        #expect(URLMapping.origin(other).mapped("https://a.example:8443/x?y") == expected)
    }

    @Test func `the parts of a URL`() throws {
        let url = try #require(RequestURL("https://u:p@[::1]:8443/a?b#c"))
        #expect((url.scheme, url.host, url.hostName, url.port, url.path) == ("https", "[::1]", "::1", 8443, "/a?b"))
        #expect(RequestURL("http://a?b")?.path == "/?b")
        #expect(RequestURL("http://a")?.port == nil)
    }

    @Test("what is none", arguments: ["", "a", "ftp://a/", "http://", "http:///x", "http://a:b/", "http://a:70000/"])
    func none(text: String) { #expect(RequestURL(text) == nil) }
}
