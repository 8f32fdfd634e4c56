import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client and a server that speak what is no HTTP.
private struct Scene {
    let bench: Bench
    let exchange: TCPExchange
    let client: Wire
    let server: Wire

    init(_ bench: Bench) async throws {
        self.bench = bench
        let (inner, wire) = try await bench.unservedClient()
        let outer = try await bench.upstream()
        (client, server) = (wire, outer.wire)
        exchange = TCPExchange(client: inner, server: outer.connection.stream, info: outer.connection.info)
    }

    func run() -> Task<Void, Never> { bench.beside { [exchange] in await exchange.run() } }
}

extension Bench {
    fileprivate func addon(_ extra: [JSONValue.Member] = []) async throws -> ScriptedAddon {
        try await addon("addon", ["tcp_start", "tcp_message", "tcp_end", "tcp_error"], extra)
    }
}

extension ScriptedAddon.Heard {
    fileprivate var message: JSONValue { flow["messages"]?.arrayValue?.last ?? .null }
}

struct TCPExchangeTests {
    @Test func `nothing passes before the start, and the end comes when both sides have ended`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            let scene = try await Scene(bench)
            let end = scene.run()
            scene.client.send("hello")
            let start = try await addon.next("tcp_start")
            #expect(bench.loop.flows.count == 1 && bench.loop.counters.tunnels == 1)
            try await bench.nextTurn()
            #expect(scene.server.stream.unread.readableBytes == 0)
            addon.answer(start)
            let message = try await addon.next("tcp_message")
            #expect(message.message["content"] == "hello" && message.message["from_client"] == true)
            addon.answer(message)
            #expect(String(buffer: try await scene.server.read(5)) == "hello")
            await scene.client.finish()
            #expect(await scene.server.readToEnd() == "")
            await scene.server.finish()
            await end.value
            #expect(try await addon.next("tcp_end").flow["message_count"] == 1)
            #expect(bench.loop.flows.isEmpty && bench.loop.counters.errors == 0)
        }
    }

    @Test func `without addons bytes pass as they come`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let end = scene.run()
            scene.client.send("up")
            #expect(String(buffer: try await scene.server.read(2)) == "up")
            scene.server.send("down")
            #expect(String(buffer: try await scene.client.read(4)) == "down")
            #expect(scene.exchange.flow.messageCount == 2)
            #expect(scene.exchange.flow.byteCounts == (fromClient: 2, fromServer: 4))
            scene.client.close()
            scene.server.close()
            await end.value
        }
    }

    @Test func `an addon changes a message or drops it`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { heard in
                guard heard.id != nil else { return nil }
                return switch heard.message["content"]?.stringValue {
                case "change": ["flow": ["messages": [["content": "changed"]]]]
                case "drop": ["flow": ["messages": [["dropped": true]]]]
                default: [:]
                }
            }
            let scene = try await Scene(bench)
            let end = scene.run()
            for text in ["change", "drop"] {
                scene.client.send(text)
                if text == "change" { #expect(String(buffer: try await scene.server.read(7)) == "changed") }
            }
            await scene.client.finish()
            #expect(await scene.server.readToEnd() == "")
            await scene.server.finish()
            await end.value
            #expect(addon.answered == ["tcp_start", "tcp_message", "tcp_message"])
            _ = try await addon.next("tcp_end")
        }
    }

    @Test func `the directions do not wait for each other`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            addon.script = { $0.id == nil || $0.message["from_client"] == true ? nil : [:] }
            let scene = try await Scene(bench)
            _ = scene.run()
            scene.client.send("waits")
            let held = try await addon.next("tcp_message")
            scene.server.send("passes")
            #expect(String(buffer: try await scene.client.read(6)) == "passes")
            addon.answer(held)
            #expect(String(buffer: try await scene.server.read(5)) == "waits")
            await scene.client.finish()
            await scene.server.finish()
            _ = try await addon.next("tcp_end")
        }
    }

    @Test func `a conversation that is refused ends both connections, with an error`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon([.init("on_failure", "closed")])
            let scene = try await Scene(bench)
            let end = scene.run()
            addon.fail(try await addon.next("tcp_start"), "no")
            #expect(await scene.client.readToEnd() == "")
            #expect(await scene.server.readToEnd() == "")
            await end.value
            let error = try await addon.next("tcp_error")
            #expect(error.flow["error"]?["kind"] == "addon_failed")
            _ = try await addon.next("tcp_end")
            #expect(bench.loop.counters.errors == 1)
        }
    }

    @Test func `a daemon that stops ends it`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            let scene = try await Scene(bench)
            let end = scene.run()
            _ = try await addon.next("tcp_start")
            scene.exchange.client.interruption.interrupt(FlowError(.shutdown, "the proxy is stopping"))
            await end.value
            let told = try await addon.told()
            #expect(told == ["$/cancel", "tcp_error", "tcp_end"])
        }
    }
}
