import Testing

@testable import InspectorCore

struct ListenAddressTests {
    @Test(arguments: [
        ("8081", "127.0.0.1:8081"), ("127.0.0.1:0", "127.0.0.1:0"), ("localhost:9", "127.0.0.1:9"),
        ("[::1]:65535", "[::1]:65535"),
    ]) func `loopback addresses are read`(_ text: String, _ read: String) {
        #expect(ListenAddress(text)?.description == read)
    }

    @Test(arguments: [
        "", ":", "0.0.0.0:1", "::1:1", "127.0.0.1:", "127.0.0.1:65536", "-1", "example.com:80", "127.0.0.1:8081:1", "x",
    ])
    func `no other address is`(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test func `port 0 takes a free one`() throws {
        #expect(try #require(ListenAddress("0")).chosen().port > 0)
        #expect(try #require(ListenAddress("81")).chosen().port == 81)
    }
}
