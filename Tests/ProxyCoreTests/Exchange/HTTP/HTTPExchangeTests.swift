import AddonProtocol
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client, a server and an addon in between, all controlled by the test.
private struct Scene {
    let bench: Bench
    let server: ScriptedServer
    let client: Wire
    let addon: ScriptedAddon

    /// - Parameter body: the addon's subscription to bodies.
    init(_ bench: Bench, body: JSONValue = "full", policy: JSONValue = "open", mode: ProxyMode = .regular) async throws
    {
        self.bench = bench
        server = try await bench.server()
        client = try await bench.client(mode)
        let names = ["requestheaders", "request", "responseheaders", "response", "error"]
        let events = names.map { JSONValue.object([.init("event", .string($0)), .init("body", body)]) }
        addon = try await bench.addon("addon", .array(events), [.init("on_failure", policy)])
    }

    /// Sends a client's request, without its body.
    func ask(_ path: String = "/", method: String = "GET", _ fields: String = "", version: String = "1.1") {
        client.send("\(method) http://\(server.address)\(path) HTTP/\(version)\r\nHost: a.test\r\n\(fields)\r\n")
    }

    /// Makes the addon let everything pass.
    func passAll() { addon.script = { _ in [:] } }

    /// Makes the addon let everything pass up to this event, which the test answers.
    func pass(upTo method: String) { addon.script = { $0.method == method ? nil : [:] } }

    /// The kind of the error reported to the addon, which must be the last event.
    func error() async throws -> String {
        let heard = try await addon.next("error")
        addon.answer(heard)
        return heard.flow["error"]?["kind"]?.stringValue ?? "none"
    }
}

private let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

struct HTTPExchangeTests {
    // MARK: The order of events

    @Test func `a plain exchange has four events, each before what it is about goes on`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.ask("/a")
            scene.addon.answer(try await scene.addon.next("requestheaders"))
            let request = try await scene.addon.next("request")
            #expect(scene.server.waiting == 0)
            scene.addon.answer(request)
            let server = try await scene.server.accept()
            #expect(try await server.readHead().hasPrefix("GET /a HTTP/1.1\n"))
            server.send(answer + "hi")
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

    @Test(arguments: ["requestheaders", "request"])
    func `a request that an addon answers goes to no server, and its response has its events`(
        event: String
    ) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
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

    @Test func `a flow that is killed ends without an answer, and has its error`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
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

    @Test func `a guard that fails at the response refuses it, and the server's is not seen`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, policy: "closed")
            scene.pass(upTo: "response")
            scene.ask()
            let server = try await scene.server.accept()
            server.send(answer + "hi")
            let response = try await scene.addon.next("response")
            scene.addon.fail(response, "no")
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains("addon addon failed at response"))
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders"])
        }
    }

    // MARK: Bodies

    @Test func `a body that an addon wants is held to its end; what it makes of it is framed anew`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
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
            server.send(answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
        }
    }

    @Test func `a body that nobody wants goes on as it comes, both ways`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, body: "none")
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

    @Test func `a body over the hold limit goes by an open addon, and is refused to a closed one`() async throws {
        for policy in ["open", "closed"] {
            try await Bench.run(.with { $0.holdLimit = 10 }) { bench in
                let scene = try await Scene(bench, policy: .string(policy))
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
                server.send(answer + "hi")
                #expect(try await scene.client.readMessage().body == "hi")
            }
        }
    }

    @Test func `a server may answer before it has the whole request`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, body: "none")
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

    // MARK: The client leaves

    @Test(arguments: ["requestheaders", "request", "responseheaders", "response"])
    func `when the client leaves while an addon has an event, that is given up`(event: String) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.pass(upTo: event)
            scene.ask()
            var server: Wire?
            if event.hasPrefix("response") {
                server = try await scene.server.accept()
                server?.send(answer + "hi")
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

    @Test func `when it leaves in the midst of its request, the server's connection ends`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, body: "none")
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

    @Test func `when it leaves while the server thinks, the server's connection ends`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            _ = try await server.readHead()
            try await scene.client.reset()
            #expect(await server.readToEnd() == "")
            #expect(try await scene.error() == "client_disconnected")
            #expect(scene.addon.answered == ["requestheaders", "request"])
        }
    }

    @Test func `when it leaves in the midst of a response that was decided on, that is no event`() async throws {
        try await Bench.run { bench in
            let watcher = try await bench.addon("watcher", ["clientdisconnect"])
            let scene = try await Scene(bench, body: "none")
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
            _ = try await scene.client.read(through: "abc")
            try await scene.client.reset()
            await server.readToEnd()
            // It was decided by its head; an addon that has had `response` gets no `error`.
            _ = try await watcher.next("clientdisconnect")
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders", "response"])
            #expect(bench.loop.counters.errors == 1)
        }
    }

    // MARK: The server fails

    @Test func `a server that is not there is a 502 that says why`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
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

    @Test(
        arguments: [
            ("", "server_disconnected", "server closed the connection before it answered"),
            ("HTTP/1.1 200 O", "server_disconnected", "server closed the connection before it answered"),
            ("SSH-2.0-x\r\n\r\n", "malformed_response", "the server's response is malformed"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "server_disconnected",
                "server closed the connection before the end of its response"
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "malformed_response",
                "the server's response is malformed"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed_response",
                "the server's response is malformed"
            ),
        ]
    )
    func `a server that fails before its response was held is a 502 that says why`(
        sent: String,
        kind: String,
        message: String
    ) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            _ = try await server.readHead()
            server.send(sent)
            await server.finish()
            #expect(try await scene.error() == kind)
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains(message), "\(body)")
            #expect(!scene.addon.answered.contains("response"))
            await server.readToEnd()
        }
    }

    @Test func `a server that breaks off a response which has begun ends the client's connection`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, body: ["preview": 1])
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

    @Test func `a head may be as large as the option says`() async throws {
        try await Bench.run(.with { $0.headSizeLimit = 2 << 20 }) { bench in
            let scene = try await Scene(bench)
            scene.passAll()
            scene.ask("/", "X-Large: \(String(repeating: "x", count: 1 << 20))\r\n")
            let server = try await scene.server.accept()
            #expect(try await server.readHead().utf8.count > 1 << 20)
            server.send(answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
        }
    }

    // MARK: Connections

    @Test func `one request follows the other on the same connections`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.passAll()
            scene.ask("/1")
            let server = try await scene.server.accept()
            for path in ["/1", "/2", "/3"] {
                #expect(try await server.readHead().hasPrefix("GET \(path) "))
                server.send(answer + "hi")
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
            let scene = try await Scene(bench)
            scene.passAll()
            scene.ask("/", fields, version: version)
            let server = try await scene.server.accept()
            #expect(try await !server.readHead().contains("close"))
            server.send(answer + "hi")
            #expect(try await scene.client.readMessage().body == "hi")
            #expect(await scene.client.readToEnd() == "")
        }
    }

    @Test func `a server that closes behind its response gets the next request on another connection`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
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
            let scene = try await Scene(bench)
            scene.passAll()
            scene.ask("/1")
            let first = try await scene.server.accept()
            _ = try await first.readHead()
            first.send(answer + "hi")
            _ = try await scene.client.readMessage()
            scene.ask("/2", method: method, "Content-Length: 0\r\n")
            _ = try await first.readHead()
            first.close()
            if isRepeated {
                let second = try await scene.server.accept()
                #expect(try await second.readHead().hasPrefix("GET /2 "))
                second.send(answer + "yo")
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
