import AddonProtocol
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private typealias Code = ScriptedHTTP2Peer.Code

/// Our end of an exchange on a stream that we open, and the server.
private struct Scene {
    let peer: ScriptedHTTP2Peer
    let side: HTTP2ServerSide
    let flow: HTTPFlow
    let interruption = Interruption()

    init(_ bench: Bench, _ change: (inout HTTPRequest) -> Void = { _ in }) async throws {
        let (client, _) = try await bench.unservedClient()
        let (connection, wire) = try await bench.upstream()
        peer = ScriptedHTTP2Peer(wire)
        let streams = try connection.streams(HeadLimits())
        _ = try await peer.takePreface([(0x8, 1)])
        try await peer.hasBeenRead()
        flow = .asking(change)
        side = HTTP2ServerSide(connection, streams, for: client, flow, interruption)
    }

    /// The same, once the server has the whole request.
    static func asked(_ bench: Bench, _ change: (inout HTTPRequest) -> Void = { _ in }) async throws -> Scene {
        let scene = try await Scene(bench, change)
        scene.side.send(whole: scene.flow.request)
        _ = scene.side.send()
        _ = try await scene.peer.next(.headers)
        return scene
    }

    /// What comes of the request: its fields, its body, its trailers, and whether the stream is at its end.
    func received(_ count: Int) async throws -> [String] {
        _ = side.send()
        var all: [String] = []
        while all.count < count {
            let frame = try await peer.next()
            switch frame.kind {
            case .headers: all.append(try peer.text(of: frame))
            case .data where !frame.text.isEmpty: all.append(frame.text)
            default: break
            }
            if [.headers, .data].contains(frame.kind), frame.endsStream { all.append("end") }
        }
        return all
    }
}

private let pseudo = ":method: GET, :scheme: http, :authority: a.test, :path: /"

struct HTTP2ServerSideTests {
    // MARK: The request

    @Test func `a request without a body ends with its head, which has nothing of the connection`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { request in
                request.headers = ["Host": "a.test", "X": "1", "Connection": "X", "Accept": "*/*", "TE": "gzip"]
            }
            scene.side.send(whole: scene.flow.request)
            #expect(try await scene.received(2) == ["\(pseudo), accept: */*", "end"])
        }
    }

    @Test func `a body is told by its length, and trailers come behind it`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench) { request in
                request.body = .whole(ByteBuffer(string: "hi"))
                request.trailers = ["Sum": "1"]
            }
            scene.side.send(whole: scene.flow.request)
            #expect(try await scene.received(4) == ["\(pseudo), content-length: 2", "hi", "sum: 1", "end"])
        }
    }

    @Test func `a body in parts ends by itself`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.side.send(scene.flow.request, .stream)
            scene.side.send(part: ByteBuffer(string: "hi"))
            scene.side.sendEnd(trailers: nil)
            #expect(try await scene.received(3) == [pseudo, "hi", "end"])
        }
    }

    // MARK: The response

    @Test func `heads come one by one, then the body and its trailers`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene.asked(bench)
            try scene.peer.send([":status": "103"], on: 1, isLast: false)
            try scene.peer.send([":status": "200", "content-length": "2"], on: 1, isLast: false)
            #expect(try await scene.side.nextHead().status == 103)
            #expect(try await scene.side.nextHead().status == 200)
            #expect(try scene.side.responseLength() == .known(2))
            scene.peer.send("hi", on: 1)
            try scene.peer.send(["sum": "1"], on: 1)
            #expect(try await scene.side.nextResponsePart()?.text == "hi")
            #expect(try await scene.side.nextResponsePart()?.text == "end sum")
        }
    }

    @Test func `a response that is all in its head has an end at once`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene.asked(bench)
            try scene.peer.send([":status": "200"], on: 1)
            _ = try await scene.side.nextHead()
            #expect(try scene.side.responseLength() == .known(0))
            #expect(try scene.side.presentResponsePart()?.text == "end")
            #expect(try await scene.side.nextResponsePart()?.text == "end")
        }
    }

    @Test(
        arguments: [
            ([":status": "200", "content-length": "1"], "ab"), ([":status": "103"], nil), ([":status": "x"], nil),
        ] as [(HPACKHeaders, String?)]
    )
    func `what is against the rules is malformed, and the stream is reset`(
        head: HPACKHeaders,
        body: String?
    )
        async throws
    {
        try await Bench.run { bench in
            let scene = try await Scene.asked(bench)
            try scene.peer.send(head, on: 1, isLast: body == nil)
            if let body { scene.peer.send(body, on: 1, isLast: true) }
            let error = try await flowError { () throws(FlowError) in
                _ = try await scene.side.nextHead()
                _ = try scene.side.responseLength()
                _ = try await scene.side.nextResponsePart()
            }
            #expect(error.kind == .malformedResponse)
        }
    }

    @Test(arguments: [(Code.refusedStream, true), (Code.cancel, false)])
    func `a server that refuses has not acted on the request, one that resets may have`(
        code: UInt32,
        isRefusal: Bool
    )
        async throws
    {
        try await Bench.run { bench in
            let scene = try await Scene.asked(bench)
            scene.peer.send(.rstStream, [code], on: 1)
            let error = try await flowError { () throws(FlowError) in _ = try await scene.side.nextHead() }
            #expect(error.kind == .serverDisconnected && error.isRefusal == isRefusal)
            #expect(error.message.hasPrefix("server ended the exchange before it answered: "))
            #expect(!scene.side.takesMore)
        }
    }

    @Test func `when the client leaves the stream is cancelled, and the connection stays`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene.asked(bench)
            let (side, interruption) = (scene.side, scene.interruption)
            let waiting = bench.beside { try? await side.nextHead().status }
            try await bench.nextTurn()
            interruption.interrupt(FlowError(.clientDisconnected, "gone"))
            #expect(await waiting.value == nil)
            #expect(try await scene.peer.next(.rstStream).numbers == [Code.cancel])
            try await scene.peer.hasBeenRead()
        }
    }

    // MARK: WebSocket

    private static func upgrade(_ request: inout HTTPRequest) {
        request.headers = [
            "Host": "a.test", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x",
            "Sec-WebSocket-Version": "13",
        ]
    }

    @Test func `an upgrade is an extended CONNECT, and its 200 a 101`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, Self.upgrade)
            scene.side.send(whole: scene.flow.request)
            let head = try await scene.received(1)[0]
            #expect(
                head.hasPrefix(":method: CONNECT, :scheme: http, :authority: a.test, :path: /, :protocol: websocket")
            )
            #expect(head.hasSuffix("sec-websocket-version: 13"))
            try scene.peer.send([":status": "200"], on: 1, isLast: false)
            #expect(try await scene.side.nextHead().status == 101)
            let tunnel = try #require(scene.side.tunnel)
            tunnel.write(ByteBuffer(string: "up"))
            tunnel.send()
            #expect(try await scene.peer.next(.data).text == "up")
        }
    }

    @Test func `a tunnel that ends with its head is malformed, and a refusal is not`() async throws {
        try await Bench.run { bench in
            let ended = try await Scene.asked(bench, Self.upgrade)
            try ended.peer.send([":status": "200"], on: 1)
            let error = try await flowError { () throws(FlowError) in _ = try await ended.side.nextHead() }
            #expect(error.kind == .malformedResponse)
            let refused = try await Scene.asked(bench, Self.upgrade)
            try refused.peer.send([":status": "403"], on: 1)
            #expect(try await refused.side.nextHead().status == 403)
        }
    }
}
