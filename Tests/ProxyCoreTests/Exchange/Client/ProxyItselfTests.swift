import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ProxyItselfTests {
    private let listener = ConnectionInfo.Address(host: "10.0.0.1", port: 8080)

    private func mode(_ text: String) throws -> ProxyMode { try #require(ProxyMode(parsing: text)) }

    @Test func `a listener that is spoken to as a proxy may be asked itself`() throws {
        for text in ["regular", "upstream:http://a.test"] {
            let itself = ProxyItself(try mode(text), at: listener)
            #expect(itself.port == 8080 && !itself.isNamedByHostField)
        }
        for text in ["reverse:http://a.test", "socks5"] {
            #expect(ProxyItself(try mode(text), at: listener).port == nil)
        }
        let transparent = ProxyItself(try mode("transparent"), at: listener)
        #expect(transparent.port == nil && transparent.isNamedByHostField)
    }

    /// Whether a client that came to 127.0.0.1 asks the proxy itself by these.
    private func isAsked(
        _ host: String,
        port: Int? = nil,
        mode text: String = "regular",
        setupHost: String? = "proxyd.test"
    ) async throws -> Bool {
        let mode = try mode(text)
        nonisolated(unsafe) var answer = false
        try await Bench.run(.with { $0.setupHost = setupHost }) { bench in
            let front = try await bench.server()
            _ = try await bench.connect(to: front)
            let stream = try await front.accept().stream
            let client = Client(services: bench.services, loop: bench.loop, stream: stream, mode: mode)
            answer = client.isProxyItself(host: host, port: port ?? front.port)
        }
        return answer
    }

    @Test(arguments: ["127.0.0.1", "localhost", "LOCALHOST", "proxyd.test", "ProxyD.Test"])
    func `by its own address or name it is asked itself`(host: String) async throws {
        #expect(try await isAsked(host))
    }

    @Test func `at another port only its name is the proxy`() async throws {
        #expect(try await isAsked("proxyd.test", port: 80))
        #expect(try await !isAsked("127.0.0.1", port: 1))
        #expect(try await !isAsked("127.0.0.2"))
        #expect(try await !isAsked("a.test"))
    }

    @Test func `in reverse mode every request is for the server`() async throws {
        #expect(try await !isAsked("proxyd.test", mode: "reverse:http://a.test"))
        #expect(try await !isAsked("127.0.0.1", mode: "reverse:http://a.test"))
        #expect(try await isAsked("proxyd.test", mode: "socks5"))
        #expect(try await !isAsked("127.0.0.1", mode: "socks5"))
    }

    @Test func `without the page there is nothing to ask`() async throws {
        #expect(try await !isAsked("127.0.0.1", setupHost: nil))
    }

    @Test func `where the kernel redirects, the Host field names the proxy`() async throws {
        let (transparent, regular) = (try mode("transparent"), ProxyMode.regular)
        try await Bench.run { bench in
            for (mode, isAsked) in [(transparent, true), (regular, false)] {
                let (client, _) = try await bench.unservedClient(mode)
                let flow = HTTPFlow.asking { ($0.host, $0.headers) = ("192.0.2.1", ["Host": "Proxyd.test"]) }
                #expect(client.isAskedItself(by: flow, "proxyd.test") == isAsked)
            }
        }
    }
}
