import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The server's end of one exchange, and the server.
private struct Scene {
    let side: HTTP1ServerSide
    let connection: UpstreamConnection
    let client: Client
    let wire: Wire
    let interruption = Interruption()
    let flow: HTTPFlow

    init(_ bench: Bench, isReused: Bool = false, _ change: (inout HTTPRequest) -> Void = { _ in }) async throws {
        (client, _) = try await bench.unservedClient()
        (connection, wire) = try await bench.upstream()
        flow = .asking(change)
        side = HTTP1ServerSide(connection, for: client, flow, interruption, isReused: isReused)
    }

    /// What the server gets of the request.
    func sent() async throws -> String {
        side.send(whole: flow.request)
        _ = side.send()
        await connection.stream.finishOutput()
        return await wire.readToEnd().replacing("\r\n", with: "\n")
    }

    /// Reads a head that must be there.
    func head() async throws -> ResponseHead { try await side.nextHead() }

    /// The rest of the response's body, part by part.
    func body() async throws -> [String] {
        var parts: [String] = []
        while parts.last?.hasPrefix("end") != true { parts.append(try await side.nextResponsePart()?.text ?? "") }
        return parts
    }
}

struct HTTP1ServerSideTests {
    // MARK: The request

    @Test func `a request goes on without what is for this proxy alone, and with a host`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { request in
                request.path = Array("/p?q".utf8)
                request.headers = ["X": "1", "Connection": "X", "Proxy-Authorization": "Basic YTpi", "Accept": "*/*"]
            }
            #expect(try await scene.sent() == "GET /p?q HTTP/1.1\nHost: a.test\nAccept: */*\n\n")
        }
    }

    @Test func `to another proxy it says where it goes, and takes an addon's login along`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { request in
                request.headers.append("Proxy-Authorization", "Basic YTpi")
                request.hasOwnProxyAuthorization = true
            }
            scene.connection.takesAbsoluteForm = true
            let text = try await scene.sent()
            #expect(text.hasPrefix("GET http://a.test/ HTTP/1.1\n"))
            #expect(text.contains("Proxy-Authorization: Basic YTpi\n"))
        }
    }

    @Test func `a body is framed by its length, or by chunks where trailers follow`() async throws {
        try await Bench.run { bench in
            let plain = try await Scene(bench) { ($0.method, $0.body) = ("POST", .whole(ByteBuffer(string: "hi"))) }
            #expect(try await plain.sent().hasSuffix("Content-Length: 2\n\nhi"))
            let trailed = try await Scene(bench) { request in
                (request.method, request.body) = ("POST", .whole(ByteBuffer(string: "hi")))
                request.trailers = ["Sum": "1"]
            }
            #expect(try await trailed.sent().hasSuffix("Transfer-Encoding: chunked\n\n2\nhi\n0\nSum: 1\n\n"))
        }
    }

    @Test func `a body whose trailers HTTP2 has announced goes on in chunks, also if its length is known`() async throws
    {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { request in
                (request.method, request.version) = ("POST", .http2)
                request.headers.append("trailer", "sum")
            }
            scene.side.send(scene.flow.request, .length(2))
            #expect(scene.connection.stream.isBeingSent)
            scene.side.send(part: ByteBuffer(string: "hi"))
            scene.side.sendEnd(trailers: ["sum": "1"])
            await scene.side.flush()
            #expect(!scene.connection.stream.isBeingSent)
            #expect(try await scene.wire.readHead().contains("Transfer-Encoding: chunked\n"))
            #expect(try await scene.wire.read(through: "\r\n\r\n") == "2\r\nhi\r\n0\r\nsum: 1\r\n\r\n")
        }
    }

    // MARK: The response

    @Test func `interim heads come before the final one, whose body ends as it says`() async throws {
        try await Bench.run { bench in
            for (framing, body, parts) in [
                ("Content-Length: 2\r\n", "hi", ["hi", "end"]),
                ("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\nSum: 1\r\n\r\n", ["hi", "end Sum"]),
            ] {
                let scene = try await Scene(bench)
                scene.wire.send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\(framing)\r\n\(body)")
                #expect(try await scene.head().status == 103)
                #expect(try await scene.head().status == 200)
                _ = try scene.side.responseLength()
                #expect(try await scene.body() == parts)
            }
        }
    }

    @Test func `a body without a length ends with the connection, but not when that breaks`() async throws {
        try await Bench.run { bench in
            let whole = try await Scene(bench)
            whole.wire.send("HTTP/1.1 200 OK\r\n\r\nhi")
            await whole.wire.finish()
            _ = try await whole.head()
            #expect(try whole.side.responseLength() == .unknown)
            #expect(try await whole.body() == ["hi", "end"])
            let broken = try await Scene(bench)
            broken.wire.send("HTTP/1.1 200 OK\r\n\r\nhi")
            _ = try await broken.head()
            _ = try broken.side.responseLength()
            #expect(try await broken.side.nextResponsePart()?.text == "hi")
            broken.connection.stream.fail(FlowError(.timeout, "too slow"))
            let error = try await flowError { () throws(FlowError) in _ = try await broken.side.nextResponsePart() }
            #expect(error.kind == .timeout && error.message == "too slow")
        }
    }

    @Test func `a part that is there needs no wait`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            _ = try await scene.head()
            #expect(try scene.side.responseLength() == .known(4))
            #expect(try scene.side.presentResponsePart() == nil)
            scene.wire.send("hi")
            #expect(try await scene.side.nextResponsePart()?.text == "hi")
            #expect(try scene.side.presentResponsePart() == nil)
        }
    }

    @Test func `to HEAD there is no body, whatever the head says`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { $0.method = "HEAD" }
            scene.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            _ = try await scene.head()
            #expect(try scene.side.responseLength() == .none)
        }
    }

    @Test func `when the client leaves, the wait for the server ends, and its connection`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            _ = try await scene.head()
            _ = try scene.side.responseLength()
            let (side, interruption) = (scene.side, scene.interruption)
            async let cut: Void = interruption.interrupt(FlowError(.clientDisconnected, "gone"))
            let error = try await flowError { () throws(FlowError) in _ = try await side.nextResponsePart() }
            await cut
            #expect(error.message == "gone")
            #expect(await scene.wire.readToEnd() == "")
        }
    }

    @Test(arguments: [true, false])
    func `the answer to a key of ours must be the right one`(isRight: Bool) async throws {
        try await Bench.run { bench in
            // A client that speaks HTTP/2 has no key.
            let scene = try await Scene(bench) { request in
                request.version = .http2
                request.headers = ["Host": "a.test", "Connection": "Upgrade", "Upgrade": "websocket"]
            }
            try #require(scene.flow.request.upgradesToWebSocket)
            scene.side.send(whole: scene.flow.request)
            await scene.side.flush()
            let lines = try await scene.wire.readHead().split(separator: "\n")
            let line = try #require(lines.first { $0.hasPrefix("Sec-WebSocket-Key: ") })
            let key = WebSocketKey(Array(line.utf8.dropFirst("Sec-WebSocket-Key: ".utf8.count))[...])
            scene.wire.send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Accept: \(isRight ? key.accept : "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")\r\n\r\n"
            )
            if isRight {
                #expect(try await scene.head().status == 101)
            } else {
                let error = try await flowError { () throws(FlowError) in _ = try await scene.side.nextHead() }
                #expect(error.kind == .malformedResponse && error.message.contains("Sec-WebSocket-Accept"))
            }
        }
    }

    // MARK: The end

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, false),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true, false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true, false),
        ]
    )
    func `a connection is kept that the server leaves open behind all of both messages`(
        answer: String,
        requestIsSent: Bool,
        isKept: Bool
    ) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.wire.send(answer)
            _ = try await scene.head()
            _ = try scene.side.responseLength()
            #expect(try await scene.body() == ["end"])
            scene.side.release(requestIsSent: requestIsSent)
            let kept = scene.client.upstreams.take(scene.connection.destination, forUpgrade: false)
            #expect((kept === scene.connection) == isKept && scene.connection.stream.isOpen == isKept)
        }
    }

    @Test func `only a connection that has been used before may have been dead already`() async throws {
        try await Bench.run { bench in
            let fresh = try await Scene(bench)
            #expect(!fresh.side.mayHaveBeenStale)
            let scene = try await Scene(bench, isReused: true)
            #expect(scene.side.mayHaveBeenStale)
            scene.wire.send("HTTP/1.1 200 OK\r\n\r\n")
            _ = try await scene.head()
            #expect(!scene.side.mayHaveBeenStale)
        }
    }
}
