import AddonProtocol
import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What an addon may have otherwise of a connection that is to be made.
struct ServerConnectEventTests {
    private let server = ConnectionInfo(id: "s1", side: .server, number: 1)
    private let client = ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1)
    private let event: ServerConnectEvent

    init() {
        server.address = .init(host: "a.test", port: 443)
        event = ServerConnectEvent(server: server, client: client, usualTerms: .init(terms: ServerTLSTerms()))
    }

    private var shown: JSONValue {
        get throws {
            var writer = JSONWriter()
            writer.beginObject()
            event.writeArguments(.everything, into: &writer)
            writer.endObject()
            return try JSONReader.read(writer.bytes)
        }
    }

    @discardableResult
    private func apply(_ patch: JSONValue, of name: String = "server_conn") throws -> Bool {
        let sent = try shown[name] ?? .null
        return try event.apply(patch, of: name, by: "a", view: .everything, sent: { sent })
    }

    @Test func `it shows both connections, and how TLS would be spoken`() throws {
        let shown = try shown
        #expect(shown["client_conn"]?["id"] == "c1" && shown["server_conn"]?["address"] == ["a.test", 443])
        #expect(shown["server_conn"]?["verify"] == true && shown["server_conn"]?["tls_version_min"] == "TLS1_2")
        #expect(event.connection === client && event.heldConnection === server)
    }

    @Test func `an addon sends it elsewhere, by another way, and refuses it`() throws {
        let via: JSONValue = ["https", ["p.test", 3128]]
        #expect(try apply(["address": ["b.test", 1], "via": via, "sockname": ["127.0.0.2", 0], "error": "no"]))
        #expect(server.address == .init(host: "b.test", port: 1) && server.error == "no")
        #expect(server.via == UpstreamProxy(scheme: .https, host: "p.test", port: 3128))
        #expect(server.sockname == .init(host: "127.0.0.2", port: 0))
        #expect(try apply(["via": .null, "error": .null]))
        #expect(server.via == nil && server.error == nil)
    }

    @Test func `an addon has TLS spoken, or not, and by which name`() throws {
        #expect(try apply(["sni": "b.test"]))
        #expect(server.tls == nil && server.serverName == "b.test")
        #expect(try apply(["tls": true]))
        #expect(server.tls?.serverName == "b.test")
        #expect(try apply(["tls": false]))
        #expect(server.tls == nil && server.serverName == "b.test")
    }

    @Test func `how TLS is spoken is this connection's own`() throws {
        #expect(server.tlsTerms == nil)
        #expect(try apply(["verify": false, "tls_version_min": "TLS1_3", "client_cert": ""]))
        #expect(server.tlsTerms?.verifies == false && server.tlsTerms?.minimumVersion == .tls1_3)
        if case .some(nil) = server.tlsTerms?.certificate {} else { Issue.record("it still has a certificate") }
        #expect(try shown["server_conn"]?["verify"] == false)
    }

    @Test func `an offer that equals what is shown still is the addon's`() throws {
        #expect(try apply(["alpn_offers": []]) && server.plannedALPN == [])
        #expect(try apply(["alpn_offers": ["h2", "x"]]) && server.plannedALPN == ["h2", "x"])
        var whole = try #require(shown["server_conn"]?.members)
        whole.removeAll { $0.name == "error" }
        #expect(try !apply(.object(whole)), "a snapshot that comes back changes nothing")
    }

    @Test(
        arguments: [
            (["address": .null], "server_conn.address"), (["address": ["b.test", 0]], "server_conn.address"),
            (["address": ["b.test", 1], "sockname": ["b.test", 1]], "server_conn.sockname"),
            (["via": ["socks", ["p.test", 1]]], "server_conn.via"), (["id": "x"], "server_conn.id"),
            (["alpn_offers": [""]], "server_conn.alpn_offers"), (["alpn_offers": "h2"], "server_conn.alpn_offers"),
            (["client_cert": "no PEM"], "server_conn.client_cert"), (["ciphers": "NONE"], "server_conn.ciphers"),
            (["tls_version_min": "TLS1_3", "tls_version_max": "TLS1_2"], "server_conn.tls_version_max"),
            (["tls": "yes"], "server_conn.tls"),
        ] as [(JSONValue, String)]
    )
    func `what is refused changes nothing`(patch: JSONValue, path: String) throws {
        let before = try shown
        let error = #expect(throws: PatchRefusal.self) { try apply(patch) }
        #expect(error?.path == path)
        #expect(try shown == before)
    }

    @Test func `so many protocols are offered at most`() throws {
        let names = (0...Limits.alpnOffers).map { JSONValue.string("p\($0)") }
        #expect(throws: PatchRefusal.self) { try apply(["alpn_offers": .array(names)]) }
        #expect(try apply(["alpn_offers": .array(names.dropLast())]))
    }

    @Test func `the client's connection is not for an addon to change`() throws {
        #expect(event.mayChange("server_conn") && !event.mayChange("client_conn"))
        #expect(throws: PatchRefusal.self) { try apply(["id": "x"], of: "client_conn") }
        #expect(try !apply(["id": "c1"], of: "client_conn"))
    }
}
