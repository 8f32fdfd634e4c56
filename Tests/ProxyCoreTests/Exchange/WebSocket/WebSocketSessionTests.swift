import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client and a server that have shaken hands, and what is between them.
private struct Scene {
    let client: ScriptedWebSocketPeer
    let server: ScriptedWebSocketPeer
    let end: Task<Void, Never>
    let connection: Client

    init(_ bench: Bench) async throws {
        let (connection, wire) = try await bench.unservedClient()
        let (outer, theirs) = try await bench.pair()
        self.connection = connection
        (client, server) = (.init(wire, isClient: true), .init(theirs, isClient: false))
        let handshake = HTTPFlow.asking()
        handshake.response = .answering { $0.status = 101 }
        let session = try WebSocketSession(
            handshake,
            connection,
            between: (connection.stream, outer),
            spoken: (client: nil, server: nil)
        )
        end = bench.beside { await session.run() }
    }

    /// Both sides end their connections, and so the session.
    func finish() async {
        await client.wire.finish()
        await server.wire.finish()
        await end.value
    }
}

extension Bench {
    fileprivate func addon(_ extra: [JSONValue.Member] = []) async throws -> ScriptedAddon {
        let events: JSONValue = ["websocket_start", "websocket_message", "websocket_end", "websocket_error"]
        return try await addon("addon", events, extra)
    }
}

struct WebSocketSessionTests {
    @Test func `nothing passes before the start, and the side that closes is told apart`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            let scene = try await Scene(bench)
            scene.client.send(.text, "hello")
            let start = try await addon.next("websocket_start")
            try await bench.nextTurn()
            #expect(scene.server.wire.stream.unread.readableBytes == 0)
            addon.script = { $0.id == nil ? nil : [:] }
            addon.answer(start)
            #expect(try await scene.server.nextText() == "text hello")
            scene.server.close(1000, "bye")
            #expect(try await scene.client.nextText() == "close 1000")
            scene.client.close(1000)
            #expect(try await scene.server.nextText() == "close 1000")
            await scene.finish()
            let end = try await addon.next("websocket_end").flow
            #expect(end["close_code"] == 1000 && end["close_reason"] == "bye" && end["closed_by_client"] == false)
            #expect(end["message_count"] == 1 && end["error"] == .null && bench.loop.flows.isEmpty)
        }
    }

    @Test func `a side that breaks the rules is turned away, and the other is told why`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { $0.id == nil ? nil : [:] }
            let scene = try await Scene(bench)
            scene.client.send(.continuation, "of nothing")
            #expect(try await scene.server.nextText() == "close 1002")
            scene.server.close(1002)
            #expect(try await scene.client.nextText() == "close 1002")
            await scene.finish()
            let error = try await addon.next("websocket_error").flow
            #expect(error["error"]?["kind"] == "malformed_message" && error["closed_by_client"] == true)
            _ = try await addon.next("websocket_end")
        }
    }

    @Test func `a connection that ends without a close frame is an error of that side`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { $0.id == nil ? nil : [:] }
            let scene = try await Scene(bench)
            scene.server.wire.close()
            await scene.client.wire.readToEnd()
            await scene.finish()
            let error = try await addon.next("websocket_error").flow
            #expect(error["error"]?["kind"] == "server_disconnected" && error["close_code"] == 1006)
            #expect(bench.loop.counters.errors == 1)
            _ = try await addon.next("websocket_end")
        }
    }

    @Test(arguments: [("websocket_start", "closed"), ("websocket_message", "closed")])
    func `a guard that fails ends both sides with an error of this one`(event: String, policy: String) async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon([.init("on_failure", .string(policy))])
            addon.script = { $0.id == nil || $0.method == event ? nil : [:] }
            let scene = try await Scene(bench)
            scene.client.send(.text, "hello")
            addon.fail(try await addon.next(event), "no")
            #expect(try await scene.server.nextText() == "close 1011")
            #expect(try await scene.client.nextText() == "close 1011")
            await scene.finish()
            #expect(try await addon.next("websocket_error").flow["error"]?["kind"] == "addon_failed")
            _ = try await addon.next("websocket_end")
        }
    }

    @Test func `a daemon that stops says so to both sides`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { $0.id == nil ? nil : [:] }
            let scene = try await Scene(bench)
            scene.client.send(.text, "hello")
            #expect(try await scene.server.nextText() == "text hello")
            scene.connection.interruption.interrupt(FlowError(.shutdown, "the proxy is stopping"))
            #expect(try await scene.server.nextText() == "close 1001")
            #expect(try await scene.client.nextText() == "close 1001")
            await scene.finish()
            #expect(try await addon.told() == ["websocket_error", "websocket_end"])
        }
    }

    @Test func `an addon kills it, and both sides are gone`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { heard in
                heard.id == nil ? nil : heard.method == "websocket_message" ? ["action": "kill"] : [:]
            }
            let scene = try await Scene(bench)
            scene.client.send(.text, "hello")
            #expect(await scene.server.wire.readToEnd() == "")
            #expect(await scene.client.wire.readToEnd() == "")
            await scene.end.value
            #expect(try await addon.told() == ["websocket_error", "websocket_end"])
        }
    }
}
