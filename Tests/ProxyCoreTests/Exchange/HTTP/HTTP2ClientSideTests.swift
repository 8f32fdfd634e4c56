import AddonProtocol
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private typealias Frame = ScriptedHTTP2Peer.Frame
private typealias Code = ScriptedHTTP2Peer.Code

/// A client that opens one stream, and our end of the exchange on it.
private final class Scene: @unchecked Sendable {
    let peer: ScriptedHTTP2Peer
    private var opened: HTTP2Stream?
    private var connection: HTTP2Connection?
    private(set) var side: HTTP2ClientSide

    init(
        _ bench: Bench,
        isLast: Bool = true,
        length: BodyLength = .none,
        method: String = "GET",
        isMalformed: Bool = false
    ) async throws {
        let (ours, theirs) = try await bench.pair()
        peer = ScriptedHTTP2Peer(theirs)
        nonisolated(unsafe) var opened: HTTP2Stream?
        connection = try HTTP2Connection.server(on: ours, HeadLimits()) { stream, _, _ in opened = stream }
        peer.sendPreface()
        try peer.send(ScriptedHTTP2Peer.request("/", method: method), on: 1, isLast: isLast)
        try await peer.hasBeenRead()
        let flow = HTTPFlow.asking { ($0.method, $0.version) = (method, .http2) }
        side = HTTP2ClientSide(
            try #require(opened),
            flow,
            HeadLimits(),
            requestLength: length,
            isMalformed: isMalformed
        )
    }

    /// What the peer gets of a response: its status and fields, its body, its trailers, and how the stream ended.
    func received() async throws -> [String] {
        _ = side.send()
        var all: [String] = []
        while true {
            let frame = try await peer.next()
            switch frame.kind {
            case .headers: all.append(try peer.text(of: frame))
            case .data where !frame.text.isEmpty: all.append(frame.text)
            case .rstStream: return all + ["reset \(frame.numbers[0])"]
            default: break
            }
            if [.headers, .data].contains(frame.kind), frame.endsStream { return all + ["end"] }
        }
    }
}

struct HTTP2ClientSideTests {
    // MARK: The request

    @Test func `a body comes in parts, and its trailers with the end`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .known(5), method: "POST")
            #expect(!scene.side.requestIsRead && !scene.side.hasRequestPart)
            scene.peer.send("abcde", on: 1)
            #expect(try await scene.side.nextRequestPart()?.text == "abcde")
            try scene.peer.send(["sum": "1"], on: 1)
            #expect(try await scene.side.nextRequestPart()?.text == "end sum")
            #expect(scene.side.requestIsRead)
            let bodiless = try await Scene(bench)
            #expect(bodiless.side.requestIsRead)
        }
    }

    @Test func `a body that is not as long as its head said is malformed, and its stream is reset`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .known(9), method: "POST")
            scene.peer.send("abcde", on: 1, isLast: true)
            #expect(try await scene.side.nextRequestPart()?.text == "abcde")
            let side = scene.side
            let error = try await flowError { () throws(FlowError) in _ = try await side.nextRequestPart() }
            #expect(error.kind == .malformedRequest && error.status == 400)
            scene.side.send(whole: .answering("not sent"))
            await scene.side.finish()
            #expect(try await scene.received() == ["reset \(Code.protocolError)"])
        }
    }

    @Test func `a client that resets its stream has left the exchange`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .unknown, method: "POST")
            scene.peer.send(.rstStream, [Code.cancel], on: 1)
            try await scene.peer.hasBeenRead()
            #expect(scene.side.interruption.error?.kind == .clientDisconnected)
            #expect(scene.side.interruption.error?.message.hasSuffix("the stream was reset with CANCEL") == true)
            let side = scene.side
            let error = try await flowError { () throws(FlowError) in _ = try await side.nextRequestPart() }
            #expect(error.kind == .clientDisconnected)
        }
    }

    @Test func `a wait that is stopped has no part, and the next goes on with the body`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .unknown, method: "POST")
            let side = scene.side
            let waiting = bench.beside { try? await side.nextRequestPart()?.text }
            try await bench.nextTurn()
            side.stopWaiting()
            #expect(await waiting.value == nil)
            scene.peer.send("abc", on: 1)
            #expect(try await side.nextRequestPart()?.text == "abc")
        }
    }

    // MARK: The response

    @Test func `a whole response is a head, a body and perhaps trailers`() async throws {
        try await Bench.run { bench in
            let plain = try await Scene(bench)
            plain.side.send(whole: .answering("hi") { $0.headers = ["Server": "x", "Connection": "x", "X": "y"] })
            #expect(try await plain.received() == [":status: 200, server: x, content-length: 2", "hi", "end"])
            let empty = try await Scene(bench)
            empty.side.send(whole: .answering())
            #expect(try await empty.received() == [":status: 200, content-length: 0", "end"])
            let trailed = try await Scene(bench)
            trailed.side.send(whole: .answering("hi") { $0.trailers = ["Sum": "1"] })
            #expect(try await trailed.received() == [":status: 200, content-length: 2", "hi", "sum: 1", "end"])
        }
    }

    @Test func `to HEAD there is no body, but its length stays`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, method: "HEAD")
            scene.side.send(whole: .answering("hi") { $0.headers = ["Content-Length": "7"] })
            #expect(try await scene.received() == [":status: 200, content-length: 7", "end"])
        }
    }

    @Test func `a response in parts follows an interim one`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            scene.side.send(interim: ResponseHead(status: 103, reason: [], version: .http11, fields: ["Link": "</a>"]))
            scene.side.send(.answering(), .stream)
            scene.side.send(part: ByteBuffer(string: "hi"))
            scene.side.sendEnd(trailers: nil)
            #expect(try await scene.received() == [":status: 103, link: </a>", ":status: 200", "hi", "end"])
        }
    }

    @Test func `a request that was not acted on is refused in a way that may be repeated`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            #expect(scene.side.refuse())
            #expect(try await scene.received() == ["reset \(Code.refusedStream)"])
        }
    }

    // MARK: The end

    @Test func `a client that has been answered need not send the rest of its request`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .unknown, method: "POST")
            scene.side.send(whole: .answering("hi"))
            #expect(try await scene.received().last == "end")
            await scene.side.finish()
            #expect(try await scene.received() == ["reset \(Code.noError)"])
        }
    }

    @Test func `an exchange that ends without a whole response is an error, and one cut off a cancellation`()
        async throws
    {
        try await Bench.run { bench in
            let halfway = try await Scene(bench)
            halfway.side.send(.answering(), .stream)
            await halfway.side.finish()
            #expect(try await halfway.received() == [":status: 200", "reset 2"])
            let cut = try await Scene(bench)
            cut.side.abort()
            #expect(try await cut.received() == ["reset \(Code.cancel)"])
        }
    }

    @Test func `a tunnel carries bytes both ways, and ends with its stream`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .unknown, method: "CONNECT")
            #expect(scene.side.tunnel == nil)
            scene.side.opensTunnel(on: bench.loop)
            let tunnel = try #require(scene.side.tunnel)
            scene.side.send(connected: .answering())
            _ = scene.side.send()
            #expect(try await scene.peer.nextFields().fields.first(name: ":status") == "200")
            scene.peer.send("up", on: 1)
            while tunnel.unread.readableBytes < 2, await tunnel.readMore() {}
            #expect(String(buffer: tunnel.takeUnread()) == "up")
            tunnel.write(ByteBuffer(string: "down"))
            tunnel.send()
            #expect(try await scene.peer.next(.data).text == "down")
            await scene.side.finish()
            #expect(try await scene.peer.next(.data).endsStream)
        }
    }

    @Test func `a refusal of a tunnel is a response like any other`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, isLast: false, length: .unknown, method: "CONNECT")
            scene.side.opensTunnel(on: bench.loop)
            scene.side.send(whole: .answering("no") { ($0.status, $0.origin) = (403, .proxy) })
            #expect(try await scene.received() == [":status: 403, content-length: 2", "no", "end"])
        }
    }
}
