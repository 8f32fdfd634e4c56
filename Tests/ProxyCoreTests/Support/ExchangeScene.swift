import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client, a server and an addon in between, all of them in the test's hands.
struct ExchangeScene {
    /// The head of a server's answer of two bytes.
    static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

    let bench: Bench
    let server: ScriptedServer
    let client: Wire
    let addon: ScriptedAddon

    /// - Parameter body: what the addon wants of bodies.
    init(_ bench: Bench, body: JSONValue = "full", policy: JSONValue = "open", mode: ProxyMode = .regular) async throws
    {
        self.bench = bench
        server = try await bench.server()
        client = try await bench.client(mode)
        let names = ["requestheaders", "request", "responseheaders", "response", "error"]
        let events = names.map { JSONValue.object([.init("event", .string($0)), .init("body", body)]) }
        addon = try await bench.addon("addon", .array(events), [.init("on_failure", policy)])
    }

    /// A request of the client's, without its body.
    func ask(_ path: String = "/", method: String = "GET", _ fields: String = "", version: String = "1.1") {
        client.send("\(method) http://\(server.address)\(path) HTTP/\(version)\r\nHost: a.test\r\n\(fields)\r\n")
    }

    /// The addon lets everything pass.
    func passAll() { addon.script = { _ in [:] } }

    /// The addon lets everything pass up to this, which the test answers.
    func pass(upTo method: String) { addon.script = { $0.method == method ? nil : [:] } }

    /// The kind of the error that the addon is told of; it is the last that it is told.
    func error() async throws -> String {
        let heard = try await addon.next("error")
        addon.answer(heard)
        return heard.flow["error"]?["kind"]?.stringValue ?? "none"
    }
}
