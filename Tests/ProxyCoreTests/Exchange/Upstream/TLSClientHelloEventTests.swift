import AddonProtocol
import Foundation
import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct TLSClientHelloEventTests {
    private let client = ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1)
    private let server = ConnectionInfo(id: "s1", side: .server, number: 1)

    private func event(first: Bool = false, hasDestination: Bool = true) -> TLSClientHelloEvent {
        var hello = ClientHello()
        (hello.serverName, hello.alpnProtocols) = ("a.test", ["h2"])
        (hello.cipherSuites, hello.extensions) = ([0x1301], [0, 16])
        return TLSClientHelloEvent(
            client: client,
            server: { [server] in server },
            hello: hello,
            establishesServerFirst: first,
            hasDestination: hasDestination
        )
    }

    private func shown(_ event: some EventSubject) throws -> JSONValue {
        var writer = JSONWriter()
        writer.beginObject()
        event.writeArguments(.everything, into: &writer)
        writer.endObject()
        return try JSONReader.read(writer.bytes)
    }

    private func apply(_ patch: JSONValue, of name: String, to event: some EventSubject) throws {
        let sent = try shown(event)[name] ?? .null
        _ = try event.apply(patch, of: name, by: "a", view: .everything, sent: { sent })
    }

    @Test func `it shows what the client wants, and both connections`() throws {
        let shown = try shown(event())
        let hello = shown["client_hello"]
        #expect(hello?["sni"] == "a.test" && hello?["alpn_protocols"] == ["h2"])
        #expect(hello?["cipher_suites"] == [0x1301] && hello?["extensions"] == [0, 16])
        #expect(hello?["ja4"]?.stringValue?.count == 36)
        #expect(shown["client_conn"]?["id"] == "c1" && shown["server_conn"]?["id"] == "s1")
    }

    @Test func `an addon decides whether, when and with what the client is answered`() throws {
        let event = event()
        #expect(!event.ignoresConnection && !event.establishesServerFirst && event.alpn == nil)
        try apply(true, of: "ignore_connection", to: event)
        try apply(true, of: "establish_server_tls_first", to: event)
        try apply(["http/1.1"], of: "alpn", to: event)
        #expect(event.ignoresConnection && event.establishesServerFirst && event.alpn == ["http/1.1"])
        try apply(false, of: "ignore_connection", to: event)
        try apply(.null, of: "alpn", to: event)
        #expect(!event.ignoresConnection && event.alpn == nil)
    }

    @Test func `a certificate of an addon's comes with its key`() throws {
        let leaf = try Bench.authority.leaf(for: LeafRequest(commonName: nil, dnsNames: ["a.test"]))
        let event = event()
        #expect(throws: PatchRefusal.self) { try apply(.string(leaf.pem), of: "certificate", to: event) }
        #expect(event.certificate == nil)
        let whole = try String(contentsOfFile: Bench.authorityFolder + "/proxyd-ca.pem", encoding: .utf8)
        try apply(.string(whole), of: "certificate", to: event)
        #expect(event.certificate != nil)
    }

    @Test func `what goes nowhere cannot be passed on untouched`() throws {
        let event = event(hasDestination: false)
        #expect(throws: PatchRefusal.self) { try apply(true, of: "ignore_connection", to: event) }
        try apply(false, of: "ignore_connection", to: event)
        #expect(!event.ignoresConnection)
    }

    @Test(arguments: ["client_conn", "server_conn", "client_hello", "nothing"])
    func `nothing else may change`(name: String) throws {
        let event = event()
        let error = #expect(throws: PatchRefusal.self) { try apply(["sni": "b.test"], of: name, to: event) }
        #expect(error?.path == name)
        if name != "nothing" { try apply(try #require(shown(event)[name]), of: name, to: event) }
    }

    @Test func `of what has come of TLS an addon is only told`() throws {
        let event = TLSOutcomeEvent(server, client: client, server: { [server] in server })
        let shown = try shown(event)
        #expect(shown["conn"]?["id"] == "s1" && shown["client_conn"]?["id"] == "c1")
        #expect(event.connection === server)
        #expect(throws: PatchRefusal.self) { try apply(["id": "x"], of: "conn", to: event) }
    }
}
