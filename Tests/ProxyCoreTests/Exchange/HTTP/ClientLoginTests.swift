import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ClientLoginTests {
    private static let right = BasicCredentials(username: "ann", password: "secret")

    /// What a login makes of a request with these fields.
    private func login(
        _ fields: HeaderFields,
        method: String = "GET",
        mode: String = "regular",
        isNeeded: Bool = true,
        known: BasicCredentials? = nil
    ) async throws -> (flow: HTTPFlow, known: BasicCredentials?) {
        let mode = try #require(ProxyMode(parsing: mode))
        let flow = HTTPFlow.asking { ($0.method, $0.headers) = (method, fields) }
        nonisolated(unsafe) var remembered: BasicCredentials?
        let options = Options.with { if isNeeded { $0.proxyauth = .one(Self.right) } }
        try await Bench.run(options) { bench in
            let (client, _) = try await bench.unservedClient(mode)
            client.credentials = known
            await ClientLogin(client: client, flow: flow).run()
            remembered = client.credentials
        }
        return (flow, remembered)
    }

    private func text(_ name: StaticString, _ flow: HTTPFlow) -> String? {
        flow.response?.headers.first(name).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `who logs in goes on, and neither server nor addon gets the password's field`() async throws {
        let (flow, known) = try await login(["Proxy-Authorization": Self.right.field, "Authorization": "x"])
        #expect(flow.response == nil && known == nil)
        #expect(!flow.request.headers.contains("proxy-authorization") && flow.request.headers.contains("authorization"))
        #expect(flow.notes.metadataLines.contains("ann"))
    }

    @Test func `a login with a CONNECT is one for the whole connection`() async throws {
        let (_, known) = try await login(["Proxy-Authorization": Self.right.field], method: "CONNECT")
        #expect(known == Self.right)
        let (flow, _) = try await login([:], known: known)
        #expect(flow.response == nil && flow.notes.metadataLines.contains("ann"))
    }

    @Test(arguments: ["", "Basic YW5uOndyb25n", "Bearer x"])
    func `who does not is asked to`(value: String) async throws {
        let fields: HeaderFields = value.isEmpty ? [:] : ["Proxy-Authorization": value]
        let (flow, _) = try await login(fields)
        #expect(flow.response?.status == 407 && text("proxy-authenticate", flow) == "Basic realm=\"proxyd\"")
        #expect(flow.notes.metadataLines.isEmpty)
    }

    @Test func `of two logins neither counts`() async throws {
        let field = Self.right.field
        let (flow, _) = try await login(["Proxy-Authorization": field, "Proxy-Authorization": field])
        #expect(flow.response?.status == 407)
    }

    @Test func `in reverse mode the proxy is asked as a server is`() async throws {
        let mode = "reverse:http://b.test"
        let (refused, _) = try await login(["Proxy-Authorization": Self.right.field], mode: mode)
        #expect(refused.response?.status == 401 && text("www-authenticate", refused) == "Basic realm=\"proxyd\"")
        let (flow, _) = try await login(["Authorization": Self.right.field], mode: mode)
        #expect(flow.response == nil && !flow.request.headers.contains("authorization"))
    }

    @Test func `where nobody needs to log in nothing is looked at`() async throws {
        let (flow, _) = try await login(["Proxy-Authorization": "x"], isNeeded: false)
        #expect(flow.response == nil && flow.request.headers.contains("proxy-authorization"))
    }
}
