import AddonProtocol
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HTTPExchangeTests {
    // MARK: The order of events

    @Test func `a plain exchange has four events, each before what it is about goes on`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.ask("/a")
            scene.addon.answer(try await scene.addon.next("requestheaders"))
            let request = try await scene.addon.next("request")
            #expect(scene.server.waiting == 0)
            scene.addon.answer(request)
            let server = try await scene.server.accept()
            #expect(try await server.readHead().hasPrefix("GET /a HTTP/1.1\n"))
            server.send(ExchangeScene.answer + "hi")
            let head = try await scene.addon.next("responseheaders")
            #expect(head.flow["response"]?["status_code"] == 200)
            scene.addon.answer(head)
            let response = try await scene.addon.next("response")
            #expect(response.flow["response"]?["content"] == "hi")
            try await scene.addon.call("ping")
            #expect(scene.client.stream.unread.readableBytes == 0)
            scene.addon.answer(response, ["flow": ["response": ["content": "changed"]]])
            let (clientHead, body) = try await scene.client.readMessage()
            #expect(clientHead.hasPrefix("HTTP/1.1 200 OK\n") && body == "changed")
            #expect(bench.loop.counters.responses == 1 && bench.loop.flows.isEmpty)
        }
    }

    @Test func `a flow that is killed ends without an answer, and has its error`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: "request")
            scene.ask()
            let request = try await scene.addon.next("request")
            scene.addon.script = { _ in nil }
            scene.addon.answer(request, ["action": "kill"])
            #expect(try await scene.error() == "killed")
            #expect(await scene.client.readToEnd() == "")
            #expect(scene.server.waiting == 0)
        }
    }

    // MARK: The client leaves

    @Test(arguments: ["requestheaders", "request", "responseheaders", "response"])
    func `when the client leaves while an addon has an event, that is given up`(event: String) async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: event)
            scene.ask()
            var server: Wire?
            if event.hasPrefix("response") {
                server = try await scene.server.accept()
                server?.send(ExchangeScene.answer + "hi")
            }
            let asked = try await scene.addon.next(event)
            scene.addon.script = { _ in nil }
            try await scene.client.reset()
            let cancel = try await scene.addon.next("$/cancel")
            #expect(cancel.params["id"] == asked.id?.json)
            // A flow that has had its `response` has no `error`.
            if event != "response" { #expect(try await scene.error() == "client_disconnected") }
            await server?.readToEnd()
            #expect(scene.server.waiting == 0)
        }
    }

    // MARK: The server fails

    @Test func `a server that is not there is a 502 that says why`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: "error")
            try await scene.server.stop()
            scene.ask()
            #expect(try await scene.error() == "connect_failed")
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 "))
            #expect(body.contains("cannot connect to \(scene.server.address): Connection refused"))
            #expect(scene.addon.answered == ["requestheaders", "request"])
        }
    }

    // MARK: Connections

    @Test func `one request follows the other on the same connections`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.passAll()
            scene.ask("/1")
            let server = try await scene.server.accept()
            for path in ["/1", "/2", "/3"] {
                #expect(try await server.readHead().hasPrefix("GET \(path) "))
                server.send(ExchangeScene.answer + "hi")
                #expect(try await scene.client.readMessage().head.contains("Connection: close") == false)
                if path != "/3" { scene.ask(path == "/1" ? "/2" : "/3") }
            }
            #expect(scene.server.waiting == 0)
            #expect(bench.loop.counters.serverConnectionsReused == 2)
        }
    }

    @Test(arguments: [("1.1", "Connection: close\r\n"), ("1.0", "")])
    func `a client that wants no other response has its connection closed behind this one`(
        version: String,
        fields: String
    ) async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.passAll()
            scene.ask("/", fields, version: version)
            let server = try await scene.server.accept()
            #expect(try await !server.readHead().contains("close"))
            server.send(ExchangeScene.answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
            #expect(await scene.client.readToEnd() == "")
        }
    }

    @Test func `a server that closes behind its response gets the next request on another connection`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.passAll()
            for _ in 0..<2 {
                scene.ask()
                let server = try await scene.server.accept()
                _ = try await server.readHead()
                server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
                #expect(try await scene.client.readMessage().head.contains("Connection: close") == false)
                await server.readToEnd()
            }
        }
    }

    @Test(arguments: [("GET", true), ("POST", false)])
    func `when a kept connection turns out to be dead, only what may be repeated is sent again`(
        method: String,
        isRepeated: Bool
    ) async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.passAll()
            scene.ask("/1")
            let first = try await scene.server.accept()
            _ = try await first.readHead()
            first.send(ExchangeScene.answer + "hi")
            _ = try await scene.client.readMessage()
            scene.ask("/2", method: method, "Content-Length: 0\r\n")
            _ = try await first.readHead()
            first.close()
            if isRepeated {
                let second = try await scene.server.accept()
                #expect(try await second.readHead().hasPrefix("GET /2 "))
                second.send(ExchangeScene.answer + "yo")
                #expect(try await scene.client.readMessage().body == "yo")
                #expect(!scene.addon.answered.contains("error"))
            } else {
                #expect(try await scene.client.readMessage().head.hasPrefix("HTTP/1.1 502 "))
                #expect(scene.server.waiting == 0 && scene.addon.answered.last == "error")
            }
        }
    }

    @Test(arguments: [true, false])
    func `a request that a server of HTTP2 refuses is sent again, so often at most`(isTaken: Bool) async throws {
        try await Bench.run { bench in
            let server = try await bench.server()
            let mode = try #require(ProxyMode(parsing: "reverse:h2c://\(server.address)"))
            let client = try await bench.client(mode)
            client.send("GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n")
            let peer = ScriptedHTTP2Peer(try await server.accept())
            _ = try await peer.takePreface()
            for number in 1..<Limits.http2Tries {
                let (fields, frame) = try await peer.nextFields()
                #expect(fields.first(name: ":path") == "/again" && frame.stream == 2 * number - 1)
                peer.send(.rstStream, [ScriptedHTTP2Peer.Code.refusedStream], on: frame.stream)
            }
            let last = try await peer.nextFields().frame
            if isTaken {
                try peer.send([":status": "200", "content-length": "0"], on: last.stream)
                #expect(try await client.readMessage().head.hasPrefix("HTTP/1.1 200 "))
            } else {
                peer.send(.rstStream, [ScriptedHTTP2Peer.Code.refusedStream], on: last.stream)
                #expect(try await client.readMessage().head.hasPrefix("HTTP/1.1 502 "))
                #expect(server.waiting == 0)
            }
        }
    }
}
