import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The client's end of one exchange, and the client.
private struct Scene {
    let side: HTTP1ClientSide
    let client: Client
    let wire: Wire

    init(
        _ bench: Bench,
        _ framing: BodyFraming = .none,
        keepsAlive: Bool = true,
        _ change: (inout HTTPRequest) -> Void = { _ in }
    ) async throws {
        (client, wire) = try await bench.unservedClient()
        side = HTTP1ClientSide(client: client, flow: .asking(change), framing: framing, keepsAlive: keepsAlive)
    }

    /// What the client gets of this response, head and body.
    func sent(_ response: HTTPResponse) async -> String {
        side.send(whole: response)
        return await rest()
    }

    func rest() async -> String {
        _ = side.send()
        await client.stream.finishOutput()
        return await wire.readToEnd().replacing("\r\n", with: "\n")
    }
}

struct HTTP1ClientSideTests {
    // MARK: The request

    @Test func `a request without a body is read at once`() async throws {
        try await Bench.run { bench in
            for framing in [BodyFraming.none, .length(0)] {
                let scene = try await Scene(bench, framing)
                #expect(scene.side.requestIsRead)
            }
        }
    }

    @Test func `a chunked body comes in parts, and its trailers with the end`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, .chunked)
            #expect(!scene.side.hasRequestPart && scene.side.requestLength == .unknown)
            scene.wire.send("3\r\nabc\r\n0\r\nSum: 1\r\n\r\n")
            var parts: [String] = []
            while !scene.side.requestIsRead { parts.append(try await scene.side.nextRequestPart()?.text ?? "") }
            #expect(parts == ["abc", "end Sum"] && scene.side.persists)
        }
    }

    @Test func `what is no body is refused as a malformed request`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, .chunked)
            scene.wire.send("xyz\r\n")
            let error = try await flowError { () throws(FlowError) in _ = try await scene.side.nextRequestPart() }
            #expect(error.kind == .malformedRequest && error.status == 400)
        }
    }

    @Test func `a client that leaves in the midst of its request has disconnected`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, .length(5))
            scene.wire.send("ab")
            #expect(try await scene.side.nextRequestPart()?.text == "ab")
            scene.wire.close()
            let error = try await flowError { () throws(FlowError) in _ = try await scene.side.nextRequestPart() }
            #expect(error.kind == .clientDisconnected)
        }
    }

    @Test func `a wait that is stopped has no part, and the next goes on with the body`() async throws {
        try await Bench.run { bench in
            let side = try await Scene(bench, .length(5))
            let waiting = bench.beside { try? await side.side.nextRequestPart()?.text }
            try await bench.nextTurn()
            side.side.stopWaiting()
            #expect(await waiting.value == nil)
            side.wire.send("abcde")
            #expect(try await side.side.nextRequestPart()?.text == "abcde")
        }
    }

    // MARK: The response

    @Test func `a whole response says how long it is, and the connection goes on`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            #expect(await scene.sent(.answering("hi")) == "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")
        }
    }

    @Test func `trailers need chunks, which only HTTP1 has in its second version`() async throws {
        try await Bench.run { bench in
            let response = HTTPResponse.answering("hi") { $0.trailers = ["Sum": "1"] }
            let newer = try await Scene(bench)
            #expect(
                await newer.sent(response)
                    == "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhi\n0\nSum: 1\n\n"
            )
            let older = try await Scene(bench, keepsAlive: false) { $0.version = .http10 }
            #expect(await older.sent(response) == "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")
        }
    }

    @Test func `a body of unknown length ends with the connection where the client knows no chunks`() async throws {
        try await Bench.run { bench in
            let older = try await Scene(bench) { $0.version = .http10 }
            older.side.send(.answering(), .stream)
            older.side.send(part: ByteBuffer(string: "hi"))
            older.side.sendEnd(trailers: nil)
            #expect(!older.side.persists)
            #expect(await older.rest() == "HTTP/1.1 200 OK\n\nhi")
        }
    }

    @Test func `a client is told when no other request may follow`() async throws {
        try await Bench.run { bench in
            let asked = try await Scene(bench, keepsAlive: false)
            #expect(await asked.sent(.answering()).contains("Connection: close\n"))
            let unread = try await Scene(bench, .length(5))
            #expect(await unread.sent(.answering()).contains("Connection: close\n"))
            let abandoned = try await Scene(bench)
            abandoned.side.abandonRequest()
            #expect(await abandoned.sent(.answering()).contains("Connection: close\n"))
            let older = try await Scene(bench) { $0.version = .http10 }
            #expect(await older.sent(.answering()).contains("Connection: keep-alive\n"))
        }
    }

    @Test func `a challenge of the server's is not the client's, one of an addon's is`() async throws {
        try await Bench.run { bench in
            for (origin, isPassed) in [(HTTPResponse.Origin.server, false), (.addon("a"), true), (.proxy, true)] {
                let scene = try await Scene(bench)
                let response = HTTPResponse.answering {
                    ($0.headers, $0.origin) = (["Proxy-Authenticate": "Basic", "Keep-Alive": "5"], origin)
                }
                let text = await scene.sent(response)
                #expect(text.contains("Proxy-Authenticate: Basic\n") == isPassed && !text.contains("Keep-Alive"))
            }
        }
    }

    @Test func `an interim response is for those whose version has it`() async throws {
        try await Bench.run { bench in
            let head = ResponseHead(status: 103, reason: [], version: .http2, fields: ["link": "</a>"])
            let newer = try await Scene(bench)
            newer.side.send(interim: head)
            #expect(await newer.rest() == "HTTP/1.1 103 Early Hints\nlink: </a>\n\n")
            let older = try await Scene(bench) { $0.version = .http10 }
            older.side.send(interim: head)
            #expect(await older.rest() == "")
        }
    }

    @Test func `an upgrade that the server agreed to in HTTP2 is completed`() async throws {
        try await Bench.run { bench in
            // RFC 6455, section 1.3.
            let scene = try await Scene(bench) { $0.headers = ["Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="] }
            scene.side.send(upgrade: .answering { ($0.status, $0.reason, $0.version) = (101, [], .http2) })
            #expect(!scene.side.persists)
            let text = await scene.rest()
            #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\n"))
            #expect(text.contains("Upgrade: websocket\n") && text.contains("Connection: Upgrade\n"))
            #expect(text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"))
        }
    }

    // MARK: The end

    @Test func `the connection ends with an exchange after which none may follow, and not otherwise`() async throws {
        try await Bench.run { bench in
            let last = try await Scene(bench, keepsAlive: false)
            await last.side.finish()
            #expect(await last.wire.readToEnd() == "")
            let other = try await Scene(bench)
            await other.side.finish()
            #expect(other.side.persists && other.client.stream.isOpen)
            other.side.abort()
            #expect(!other.client.stream.isOpen)
        }
    }
}
