import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// To whom `upstream_auth` is shown.
struct UpstreamConnectionLoginTests {
    private static let credentials = BasicCredentials(username: "ann", password: "x")
    private static let server = Destination(scheme: "http", host: "b.test", port: 80)

    /// The fields that a request gets.
    private func fields(
        to destination: Destination,
        mode: String = "reverse:http://b.test:80",
        isRedirected: Bool = false,
        toProxy: Bool = false,
        isSet: Bool = true
    ) async throws -> [String] {
        let mode = try #require(ProxyMode(parsing: mode))
        nonisolated(unsafe) var fields = HeaderFields()
        try await Bench.run(.with { $0.upstreamAuth = isSet ? Self.credentials : nil }) { bench in
            let (client, _) = try await bench.unservedClient(mode)
            let (connection, _) = try await bench.upstream(to: destination, isRedirected: isRedirected)
            connection.takesAbsoluteForm = toProxy
            connection.authorize(&fields, for: client)
        }
        return (0..<fields.count).map { index in
            "\(String(decoding: fields.name(at: index), as: UTF8.self)): "
                + String(decoding: fields.value(at: index), as: UTF8.self)
        }
    }

    @Test func `the server of a reverse proxy is told who we are`() async throws {
        #expect(try await fields(to: Self.server) == ["Authorization: \(Self.credentials.field)"])
    }

    @Test func `no other server is, and nobody to whom an addon has sent the request`() async throws {
        let other = Destination(scheme: "http", host: "c.test", port: 80)
        #expect(try await fields(to: other) == [])
        #expect(try await fields(to: Self.server, isRedirected: true) == [])
        #expect(try await fields(to: Self.server, mode: "regular") == [])
    }

    @Test func `a proxy on the way is told in its own field`() async throws {
        let expected = ["Proxy-Authorization: \(Self.credentials.field)"]
        #expect(try await fields(to: Self.server, mode: "upstream:http://p.test", toProxy: true) == expected)
    }

    @Test func `without the option nobody is told anything`() async throws {
        #expect(try await fields(to: Self.server, toProxy: true, isSet: false) == [])
    }
}
