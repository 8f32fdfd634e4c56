import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HostPortTests {
    @Test(arguments: ["127.0.0.1:8080", "[::1]:0", "localhost:65535", "0.0.0.0:1"])
    func `reads and writes the same`(text: String) {
        #expect(HostPort(parsing: text)?.description == text)
    }

    @Test(arguments: [
        "", "8080", ":8080", "localhost", "localhost:", "localhost:65536", "localhost:-1", "::1:8080", "[]:1", "a b:1",
        "http://h:1",
    ])
    func `refuses what is no host and port`(text: String) {
        #expect(HostPort(parsing: text) == nil)
    }

    @Test func `keeps brackets out of the host`() {
        #expect(HostPort(parsing: "[::1]:80") == HostPort(host: "::1", port: 80))
    }
}
