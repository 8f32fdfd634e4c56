import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct OwnRequestTests {
    private func create(_ bench: Bench, _ addon: ScriptedAddon, at server: ScriptedServer) async throws -> JSONValue? {
        let request: JSONValue = ["url": .string("http://\(server.address)/made")]
        return try await addon.call("flow.create", ["request": request])["id"]
    }

    @Test func `whoever asks for a request hears its id before its first event`() async throws {
        try await Bench.run { bench in
            let server = try await bench.server()
            let addon = try await bench.addon("addon", ["requestheaders"])
            let before = addon.lines.count
            let id = try await create(bench, addon, at: server)
            let heard = try await addon.next("requestheaders")
            #expect(heard.flow["id"] == id)
            #expect(heard.flow["client_conn"]?["peername"] == .null)
            let lines = addon.lines[before...]
            #expect(lines.first?.contains("\"result\"") == true && lines.count == 2)
            addon.answer(heard, ["action": "kill"])
            while bench.loop.ownRequests > 0 { try await bench.nextTurn() }
        }
    }

    @Test func `its response has its events, however large it is, and goes nowhere else`() async throws {
        try await Bench.run { bench in
            let server = try await bench.server()
            let addon = try await bench.addon("addon", ["response"])
            let id = try await create(bench, addon, at: server)
            let wire = try await server.accept()
            #expect(try await wire.readHead().hasPrefix("GET /made HTTP/1.1\n"))
            let count = 3 << 20
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            wire.send(ByteBuffer(repeating: UInt8(ascii: "x"), count: count))
            let response = try await addon.next("response")
            #expect(response.flow["id"] == id)
            #expect(response.flow["response"]?["content"]?.stringValue?.utf8.count == count)
            addon.answer(response)
            // The connection to the server was there for this request alone.
            #expect(await wire.readToEnd() == "")
            #expect(bench.loop.flows.isEmpty && bench.loop.clients.all.isEmpty)
        }
    }
}
