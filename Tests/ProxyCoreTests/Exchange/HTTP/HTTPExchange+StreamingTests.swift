import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Bodies that go on as they come.
struct HTTPExchangeStreamingTests {
    @Test func `a body that nobody wants goes on as it comes, both ways`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench, body: "none")
            scene.passAll()
            scene.ask(method: "POST", "Content-Length: 6\r\n")
            let server = try await scene.server.accept()
            #expect(try await server.readHead().contains("Content-Length: 6\n"))
            scene.client.send("abc")
            #expect(String(buffer: try await server.read(3)) == "abc")
            scene.client.send("def")
            #expect(String(buffer: try await server.read(3)) == "def")
            server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nghi\r\n")
            #expect(try await scene.client.readHead().contains("Transfer-Encoding: chunked\n"))
            #expect(try await scene.client.read(through: "ghi\r\n") == "3\r\nghi\r\n")
            server.send("0\r\n\r\n")
            #expect(try await scene.client.read(through: "0\r\n\r\n") == "0\r\n\r\n")
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders", "response"])
        }
    }

    @Test func `a server may answer before it has the whole request`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench, body: "none")
            scene.passAll()
            scene.ask(method: "POST", "Content-Length: 6\r\n")
            scene.client.send("abc")
            let server = try await scene.server.accept()
            _ = try await server.read(through: "abc")
            server.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            server.close()
            #expect(try await scene.client.readHead().hasPrefix("HTTP/1.1 413 "))
            #expect(!scene.addon.answered.contains("error"))
        }
    }

    @Test func `when it leaves in the midst of a response that was decided on, that is no event`() async throws {
        try await Bench.run { bench in
            let watcher = try await bench.addon("watcher", ["clientdisconnect"])
            let scene = try await ExchangeScene(bench, body: "none")
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            _ = try await scene.client.read(through: "abc")
            try await scene.client.reset()
            await server.readToEnd()
            // It was decided on by its head; who has had `response` hears of no `error`.
            _ = try await watcher.next("clientdisconnect")
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders", "response"])
            #expect(bench.loop.counters.errors == 1)
        }
    }

    @Test func `a server that breaks off a response which has begun ends the client's connection`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench, body: ["preview": 1])
            scene.pass(upTo: "error")
            scene.addon.script = { heard in
                switch heard.method {
                case "error": nil
                case "responseheaders": ["flow": ["response": ["stream": true]]]
                default: [:]
                }
            }
            scene.ask()
            let server = try await scene.server.accept()
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
            _ = try await scene.client.read(through: "abc")
            server.close()
            #expect(try await scene.error() == "server_disconnected")
            #expect(await scene.client.readToEnd() == "")
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders"])
        }
    }
}
