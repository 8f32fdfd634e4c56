import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct ConnectionEventTests {
    private let client = ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1)

    private func apply(_ patch: JSONValue, _ root: ConnectionEvent.Root = .firstBytesOfProxy) throws -> ConnectionEvent
    {
        let event = ConnectionEvent(client: client, root: root)
        _ = try event.apply(patch, of: "root_layer", by: "a", view: .everything, sent: { snapshot(event) })
        return event
    }

    private func snapshot(_ event: ConnectionEvent) -> JSONValue {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        event.writeArguments(.everything, into: &writer)
        writer.endObject()
        return (try? JSONReader.read(writer.bytes))?["root_layer"] ?? .null
    }

    @Test func `nothing is chosen beforehand`() throws {
        #expect(try apply([:]).firstLayer == nil)
        #expect(snapshot(ConnectionEvent(client: client, root: .firstBytes))["layers"] == [])
        #expect(snapshot(ConnectionEvent(client: client, root: .socks5))["layers"] == ["socks5"])
    }

    @Test func `a layer and where it goes`() throws {
        let event = try apply(["layers": ["tcp"], "server_conn": ["address": ["db.test", 5432]]])
        #expect(event.firstLayer == .tcp)
        #expect(event.serverAddress == .init(host: "db.test", port: 5432))
        #expect(snapshot(event)["layers"] == ["tcp"])
    }

    @Test func `a known server needs no address`() throws {
        #expect(try apply(["layers": ["passthrough"]], .firstBytes).firstLayer == .passthrough)
        #expect(try apply(["layers": ["tls"]]).firstLayer == .tls)
    }

    @Test(
        arguments: [
            ["layers": ["tcp"]], ["layers": ["websocket"]], ["layers": ["quic"]],
            ["layers": ["tls", "http1"]], ["layers": "tls"], ["layers": [1]], ["mode": "socks5"],
            ["client_conn": ["error": "no"], "layers": ["tcp"]],
        ] as [JSONValue]
    )
    func `what is refused changes nothing`(patch: JSONValue) {
        #expect(throws: PatchRefusal.self) { try apply(patch) }
        #expect(client.error == nil)
    }
}
