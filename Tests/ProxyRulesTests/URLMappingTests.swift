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
