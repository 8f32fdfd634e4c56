import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A request on its way up: held, answered, or too large.
struct HTTPExchangeRequestTests {
    @Test func `a body that an addon wants is held to its end; what it makes of it is framed anew`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: "request")
            scene.ask(method: "POST", "Content-Length: 6\r\n")
            scene.client.send("abc")
            #expect(try await scene.addon.told() == [])
            scene.client.send("def")
            let request = try await scene.addon.next("request")
            #expect(request.flow["request"]?["content"] == "abcdef")
            #expect(scene.server.waiting == 0)
            scene.addon.answer(request, ["flow": ["request": ["content": "other"]]])
            let server = try await scene.server.accept()
            let (head, body) = try await server.readMessage()
            #expect(head.contains("Content-Length: 5\n") && body == "other")
            server.send(ExchangeScene.answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
        }
    }

    @Test(arguments: ["requestheaders", "request"])
    func `a request that an addon answers goes to no server, and its response has its events`(
        event: String
    ) async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.addon.script = { heard in
                heard.method == event ? ["flow": ["response": ["status_code": 418, "content": "tea"]]] : [:]
            }
            scene.ask(method: "POST", "Content-Length: 4\r\n")
            scene.client.send("body")
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 418 ") && body == "tea")
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders", "response"])
            #expect(scene.server.waiting == 0)
        }
    }

    @Test func `a body over the hold limit goes by an open addon, and is refused to a closed one`() async throws {
        for policy in ["open", "closed"] {
            try await Bench.run(.with { $0.holdLimit = 10 }) { bench in
                let scene = try await ExchangeScene(bench, policy: .string(policy))
                scene.passAll()
                scene.ask(method: "POST", "Transfer-Encoding: chunked\r\n")
                scene.client.send("c\r\nmore than 10\r\n")
                if policy == "closed" {
                    let (head, body) = try await scene.client.readMessage()
                    #expect(head.hasPrefix("HTTP/1.1 413 ") && body.contains("may not pass addon addon unseen"))
                    #expect(scene.server.waiting == 0)
                    return
                }
                let server = try await scene.server.accept()
                _ = try await server.read(through: "more than 10")
                scene.client.send("0\r\n\r\n")
                _ = try await server.read(through: "0\r\n\r\n")
                server.send(ExchangeScene.answer + "hi")
                #expect(try await scene.client.readMessage().body == "hi")
            }
        }
    }

    @Test func `when it leaves in the midst of its request, the server's connection ends`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench, body: "none")
            scene.pass(upTo: "error")
            scene.ask(method: "POST", "Content-Length: 6\r\n")
            scene.client.send("abc")
            let server = try await scene.server.accept()
            _ = try await server.read(through: "abc")
            try await scene.client.reset()
            await server.readToEnd()
            #expect(try await scene.error() == "client_disconnected")
        }
    }

    @Test func `a head may be as large as the option says`() async throws {
        try await Bench.run(.with { $0.headSizeLimit = 2 << 20 }) { bench in
            let scene = try await ExchangeScene(bench)
            scene.passAll()
            scene.ask("/", "X-Large: \(String(repeating: "x", count: 1 << 20))\r\n")
            let server = try await scene.server.accept()
            #expect(try await server.readHead().utf8.count > 1 << 20)
            server.send(ExchangeScene.answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
        }
    }
}
