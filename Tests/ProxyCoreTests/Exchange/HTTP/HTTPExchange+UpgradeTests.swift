import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client that asks for another protocol, and the server.
private struct Scene {
    let server: ScriptedServer
    let client: Wire

    init(_ bench: Bench) async throws {
        server = try await bench.server()
        client = try await bench.client()
    }

    /// - Returns: the server's end of the connection, and the request that came there.
    func ask(for name: String, _ fields: String = "") async throws -> (wire: Wire, head: String) {
        client.send(
            "GET http://\(server.address)/ HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: \(name)\r\n"
                + "\(fields)\r\n"
        )
        let wire = try await server.accept()
        return (wire, try await wire.readHead())
    }

    // RFC 6455, section 1.3.
    static let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    static func accept(_ name: String, _ fields: String = "") -> String {
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: \(name)\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\(fields)\r\n"
    }
}

struct HTTPExchangeUpgradeTests {
    @Test func `behind a 101 the messages of a WebSocket pass, each with its events`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon(
                "addon",
                ["websocket_handshake", "response", "websocket_start", "websocket_message", "websocket_end"]
            )
            addon.script = { $0.id == nil ? nil : [:] }
            let scene = try await Scene(bench)
            let (wire, head) = try await scene.ask(for: "websocket", Scene.key)
            #expect(head.contains("Upgrade: websocket\n") && head.contains("Connection: Upgrade\n"))
            wire.send(Scene.accept("websocket"))
            #expect(try await scene.client.readHead().hasPrefix("HTTP/1.1 101 "))
            let client = ScriptedWebSocketPeer(scene.client, isClient: true)
            let server = ScriptedWebSocketPeer(wire, isClient: false)
            client.send(.text, "hello")
            #expect(try await server.nextText() == "text hello")
            server.close(1000)
            #expect(try await client.nextText() == "close 1000")
            client.close(1000)
            #expect(try await server.nextText() == "close 1000")
            await wire.finish()
            await client.wire.readToEnd()
            let end = try await addon.next("websocket_end").flow
            #expect(end["close_code"] == 1000 && end["message_count"] == 1)
            #expect(
                addon.answered == ["websocket_handshake", "response", "websocket_start", "websocket_message"]
            )
        }
    }

    @Test func `no extension is offered that is not understood here`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let offers = "Sec-WebSocket-Extensions: x-other, permessage-deflate; client_max_window_bits\r\n"
            let (_, head) = try await scene.ask(for: "websocket", Scene.key + offers)
            let line = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\n"
            #expect(head.contains(line) && !head.contains("x-other"))
        }
    }

    @Test func `a server that chooses an extension which was not offered is malformed`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (wire, _) = try await scene.ask(for: "websocket", Scene.key)
            wire.send(Scene.accept("websocket", "Sec-WebSocket-Extensions: x-other\r\n"))
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains("extensions that were not offered: x-other"))
        }
    }

    @Test func `another protocol is bytes, in a flow of its own`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["tcp_message"])
            let scene = try await Scene(bench)
            let (wire, _) = try await scene.ask(for: "other")
            wire.send(Scene.accept("other") + "first")
            #expect(try await scene.client.readHead().hasPrefix("HTTP/1.1 101 "))
            let asked = try await addon.next("tcp_message")
            let content = asked.flow["messages"]?.arrayValue?.first?["content"]
            #expect(content == "first")
            addon.answer(asked)
            #expect(String(buffer: try await scene.client.read(5)) == "first")
            await scene.client.finish()
            await wire.finish()
            await wire.readToEnd()
        }
    }

    @Test func `a server that does not agree answers as ever`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let (wire, _) = try await scene.ask(for: "websocket", Scene.key)
            wire.send(ExchangeScene.answer + "no")
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 200 ") && body == "no")
        }
    }

    @Test func `an addon refuses the upgrade that the server has agreed to`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["response"])
            addon.script = { _ in ["flow": ["response": ["status_code": 403, "content": "no"]]] }
            let scene = try await Scene(bench)
            let (wire, _) = try await scene.ask(for: "websocket", Scene.key)
            wire.send(Scene.accept("websocket"))
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 403 ") && body == "no")
            await wire.readToEnd()
        }
    }

    @Test func `a 101 that nobody asked for is malformed`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.client.send("GET http://\(scene.server.address)/ HTTP/1.1\r\nHost: a.test\r\n\r\n")
            let wire = try await scene.server.accept()
            _ = try await wire.readHead()
            wire.send(Scene.accept("other"))
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains("without being asked to"))
        }
    }
}
