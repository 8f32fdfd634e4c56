import AddonProtocol
import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private typealias Frame = ScriptedHTTP2Peer.Frame
private typealias Code = ScriptedHTTP2Peer.Code

/// Our end as a server, with the streams that the peer has opened.
private final class Serving: @unchecked Sendable {
    let peer: ScriptedHTTP2Peer
    private(set) var connection: HTTP2Connection?
    private(set) var opened: [(stream: HTTP2Stream, head: FieldBlock, isLast: Bool)] = []

    init(_ bench: Bench, _ limits: HeadLimits = HeadLimits()) async throws {
        let (ours, theirs) = try await bench.pair()
        peer = ScriptedHTTP2Peer(theirs)
        connection = try HTTP2Connection.server(on: ours, limits) { [unowned self] in opened.append(($0, $1, $2)) }
    }

    var paths: [String] {
        opened.map { $0.head.fields.first(":path").map { String(decoding: $0, as: UTF8.self) } ?? "" }
    }

    /// What a peer that broke the rules is told: the last stream, and the error.
    func end() async throws -> [UInt32] {
        while true {
            let frame = try await peer.next()
            if frame.kind == .goAway { return frame.numbers }
        }
    }
}

/// Our end as a client.
private struct Asking {
    let peer: ScriptedHTTP2Peer
    let connection: HTTP2Connection
    let settings: Frame

    init(_ bench: Bench, _ theirSettings: [(UInt16, UInt32)] = []) async throws {
        let (ours, theirs) = try await bench.pair()
        peer = ScriptedHTTP2Peer(theirs)
        connection = try HTTP2Connection.client(on: ours, HeadLimits())
        settings = try await peer.takePreface(theirSettings)
        try await peer.hasBeenRead()
    }

    /// Sends a request on a new stream.
    func ask(_ path: String, isLast: Bool = true) -> HTTP2Stream {
        let stream = HTTP2Stream(connection: connection)
        var head: HeaderFields = [":method": "GET", ":scheme": "http", ":authority": "a.test"]
        head.append(":path", path)
        stream.write(head, isLast: isLast)
        stream.send()
        return stream
    }
}

extension HTTP2Stream {
    /// The text of the next part, or its kind.
    fileprivate var nextText: String {
        get async {
            switch await next() {
            case .headers(let head, _):
                "head " + (head.fields.first(":status").map { String(decoding: $0, as: UTF8.self) } ?? "")
            case .data(let bytes): String(buffer: bytes)
            case .end: "end"
            case nil: "\(failure?.description ?? "closed")"
            }
        }
    }
}

struct HTTP2ConnectionTests {
    // MARK: Settings

    @Test func `a client is told how much it may send, and that tunnels may begin on streams`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            serving.peer.sendPreface()
            let settings = try await serving.peer.next()
            #expect(settings.kind == .settings)
            #expect(settings.settings[0x4] == UInt32(Limits.http2StreamWindow))
            #expect(settings.settings[0x3] == UInt32(Limits.http2Streams))
            #expect(settings.settings[0x8] == 1)
            let window = try await serving.peer.next(.windowUpdate)
            #expect(window.stream == 0 && window.numbers == [UInt32(Limits.http2ConnectionWindow - 65535)])
            let answer = try await serving.peer.next(.settings)
            #expect(answer.flags == Frame.acknowledgement)
        }
    }

    @Test func `a server is told that it may push nothing, and its own settings say what it takes`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench, [(0x8, 1)])
            #expect(asking.settings.settings[0x2] == 0)
            #expect(await asking.connection.isSpoken())
            #expect(await asking.connection.takesExtendedConnect())
            let other = try await Asking(bench)
            #expect(await !other.connection.takesExtendedConnect())
        }
    }

    @Test func `what answers in HTTP/1 does not speak HTTP/2`() async throws {
        try await Bench.run { bench in
            let (ours, theirs) = try await bench.pair()
            let connection = try HTTP2Connection.client(on: ours, HeadLimits())
            theirs.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            #expect(await !connection.isSpoken())
            #expect(connection.breach == "it answered in HTTP/1" && !connection.mayOpen)
        }
    }

    // MARK: Field blocks

    @Test(arguments: [1, 7, 1000])
    func `a head comes whole, in however many frames and pieces`(size: Int) async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            let peer = serving.peer
            peer.sendPreface()
            var fields = ScriptedHTTP2Peer.request("/whole")
            fields.add(name: "x-long", value: String(repeating: "x", count: 300))
            var block = try peer.block(fields)
            let first = block.readSlice(length: 10) ?? ByteBuffer()
            var bytes = peer.bytes(of: Frame(kind: .headers, flags: Frame.endStream, stream: 1, payload: first))
            while let piece = block.readSlice(length: min(100, block.readableBytes)), piece.readableBytes > 0 {
                let flags = block.readableBytes == 0 ? Frame.endHeaders : 0
                bytes.writeImmutableBuffer(
                    peer.bytes(of: Frame(kind: .continuation, flags: flags, stream: 1, payload: piece))
                )
            }
            while let piece = bytes.readSlice(length: min(size, bytes.readableBytes)), piece.readableBytes > 0 {
                peer.wire.send(piece)
                // Each in a separate read.
                try await bench.nextTurn()
            }
            try await peer.hasBeenRead()
            #expect(serving.paths == ["/whole"])
            #expect(serving.opened.first?.isLast == true)
            #expect(serving.opened.first?.head.fields.first("x-long")?.count == 300)
        }
    }

    @Test func `nothing comes between the frames of a head`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            serving.peer.sendPreface()
            let block = try serving.peer.block(ScriptedHTTP2Peer.request("/"))
            serving.peer.send(Frame(kind: .headers, flags: Frame.endStream, stream: 1, payload: block))
            serving.peer.send("x", on: 1)
            #expect(try await serving.end() == [0, Code.protocolError])
            #expect(serving.connection?.breach == "another frame within a field block")
            #expect(serving.opened.isEmpty)
        }
    }

    @Test func `a head that cannot be decompressed ends the connection`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            serving.peer.sendPreface()
            let block = ByteBuffer(bytes: [0xff, 0xff, 0xff, 0xff, 0x0f])
            serving.peer.send(Frame(kind: .headers, flags: Frame.endHeaders, stream: 1, payload: block))
            #expect(try await serving.end() == [0, Code.compressionError])
        }
    }

    @Test func `a head that does not end ends the connection`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench, HeadLimits(bytes: 1000, fields: 10))
            serving.peer.sendPreface()
            serving.peer.send(Frame(kind: .headers, stream: 1, payload: try serving.peer.block([":method": "GET"])))
            for _ in 0..<20 {
                serving.peer.send(
                    Frame(kind: .continuation, stream: 1, payload: ByteBuffer(repeating: 0x82, count: 10))
                )
            }
            #expect(try await serving.end() == [0, Code.enhanceYourCalm])
            #expect(serving.connection?.breach == "a field block that does not end")
        }
    }

    // MARK: Flow control

    @Test func `no more goes out than the peer has room for`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            let peer = serving.peer
            peer.sendPreface([(0x4, 10)])
            try peer.send(ScriptedHTTP2Peer.request("/"), on: 1)
            try await peer.hasBeenRead()
            let stream = try #require(serving.opened.first?.stream)
            stream.write([":status": "200"], isLast: false)
            stream.write(ByteBuffer(string: "0123456789abcdefghij"), isLast: true)
            let drained = bench.beside { await stream.drain() }
            #expect(try await peer.next(.data).text == "0123456789")
            try await peer.hasBeenRead()
            #expect(stream.sentCount == 10 && stream.isOpen)
            peer.send(.windowUpdate, [4], on: 1)
            #expect(try await peer.next(.data).text == "abcd")
            peer.send(.windowUpdate, [100], on: 1)
            let last = try await peer.next(.data)
            #expect(last.text == "efghij" && last.endsStream)
            await drained.value
        }
    }

    @Test func `a peer gets room again as its stream is read; its other streams have theirs meanwhile`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            let peer = serving.peer
            peer.sendPreface()
            try peer.send(ScriptedHTTP2Peer.request("/", method: "POST"), on: 1, isLast: false)
            #expect(try await peer.next(.windowUpdate).stream == 0)
            let piece = String(repeating: "x", count: 16384)
            for _ in 0..<16 { peer.send(piece, on: 1) }
            try peer.send(ScriptedHTTP2Peer.request("/other", method: "POST"), on: 3, isLast: false)
            for _ in 0..<16 { peer.send(piece, on: 3) }
            // Unread data counts only for its stream.
            let update = try await peer.next(.windowUpdate)
            #expect(update.stream == 0 && update.numbers == [UInt32(Limits.http2ConnectionWindow / 2)])
            let stream = try #require(serving.opened.first?.stream)
            var count = 0
            while count < Limits.http2StreamWindow / 2, case .data(let bytes)? = await stream.next() {
                count += bytes.readableBytes
            }
            let own = try await peer.next(.windowUpdate)
            #expect(own.stream == 1 && own.numbers == [UInt32(Limits.http2StreamWindow / 2)])
        }
    }

    // MARK: Ends of streams

    @Test func `a stream that is reset fails alone`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let (first, second) = (asking.ask("/a"), asking.ask("/b"))
            #expect(try await asking.peer.nextFields().frame.stream == 1)
            #expect(try await asking.peer.nextFields().frame.stream == 3)
            asking.peer.send(.rstStream, [Code.cancel], on: 1)
            #expect(await first.nextText == "the stream was reset with CANCEL")
            #expect(first.failure == .reset(.cancel))
            try asking.peer.send([":status": "200"], on: 3)
            #expect(await second.nextText == "head 200")
        }
    }

    @Test func `a stream that is refused has not been acted on, and others may follow`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let first = asking.ask("/a")
            #expect(try await asking.peer.nextFields().frame.stream == 1)
            asking.peer.send(.rstStream, [Code.refusedStream], on: 1)
            #expect(await first.nextText == "the stream was refused")
            #expect(asking.connection.mayOpen)
            let second = asking.ask("/a")
            #expect(try await asking.peer.nextFields().frame.stream == 3)
            try asking.peer.send([":status": "204"], on: 3)
            #expect(await second.nextText == "head 204")
        }
    }

    @Test func `a reset of ours is told once, and what still comes on the stream is dropped`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let stream = asking.ask("/a")
            _ = try await asking.peer.nextFields()
            stream.reset(.cancel)
            stream.reset(.cancel)
            #expect(try await asking.peer.next(.rstStream).numbers == [Code.cancel])
            try asking.peer.send([":status": "200"], on: 1, isLast: false)
            asking.peer.send("late", on: 1, isLast: true)
            try await asking.peer.hasBeenRead()
            #expect(await stream.nextText == "closed")
            #expect(asking.connection.mayOpen && asking.connection.isIdle)
        }
    }

    // MARK: The end of the connection

    @Test func `a server that goes away has refused what is later than its last stream`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let (first, second) = (asking.ask("/a"), asking.ask("/b"))
            _ = try await asking.peer.nextFields()
            _ = try await asking.peer.nextFields()
            asking.peer.send(.goAway, [1, Code.noError])
            #expect(await second.nextText == "the stream was refused")
            #expect(!asking.connection.mayOpen)
            try asking.peer.send([":status": "200"], on: 1)
            #expect(await first.nextText == "head 200")
            #expect(await asking.ask("/c").nextText == "the stream was refused")
        }
    }

    @Test func `one that goes away with an error has failed all of them`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let (first, second) = (asking.ask("/a"), asking.ask("/b"))
            _ = try await asking.peer.nextFields()
            _ = try await asking.peer.nextFields()
            asking.peer.send(.goAway, [1, Code.enhanceYourCalm])
            #expect(await second.nextText == "the stream was refused")
            #expect(await first.nextText == "the connection was ended with ENHANCE_YOUR_CALM")
        }
    }

    @Test func `with the connection all streams are lost`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let stream = asking.ask("/a")
            _ = try await asking.peer.nextFields()
            asking.peer.wire.close()
            #expect(await stream.nextText == "the connection was closed")
            #expect(stream.failure == .connectionLost("the connection was closed"))
            await asking.connection.closed()
            #expect(!asking.connection.mayOpen)
        }
    }

    @Test func `when we go away, what is open goes on and what comes later is refused`() async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            let peer = serving.peer
            peer.sendPreface()
            try peer.send(ScriptedHTTP2Peer.request("/a"), on: 1)
            try await peer.hasBeenRead()
            serving.connection?.goAway()
            #expect(try await serving.end() == [1, Code.noError])
            try peer.send(ScriptedHTTP2Peer.request("/b"), on: 3)
            let refusal = try await peer.next(.rstStream)
            #expect(refusal.stream == 3 && refusal.numbers == [Code.refusedStream])
            let stream = try #require(serving.opened.first?.stream)
            stream.write([":status": "200"], isLast: true)
            stream.send()
            #expect(try await peer.nextFields().frame.stream == 1)
            #expect(serving.paths == ["/a"])
        }
    }

    // MARK: HeadLimits

    @Test func `no more streams are opened at once than the server takes`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench, [(0x3, 1)])
            let (first, second) = (asking.ask("/a"), asking.ask("/b"))
            #expect(try await asking.peer.nextFields().fields.first(name: ":path") == "/a")
            try await asking.peer.hasBeenRead()
            #expect(first.isOnTheWire && !second.isOnTheWire)
            try asking.peer.send([":status": "200"], on: 1)
            let next = try await asking.peer.nextFields()
            #expect(next.fields.first(name: ":path") == "/b" && next.frame.stream == 3)
            _ = await first.next()
        }
    }

    @Test(arguments: ScriptedFlood.allCases)
    func `a flood ends the connection`(flood: ScriptedFlood) async throws {
        try await Bench.run { bench in
            let serving = try await Serving(bench)
            serving.peer.sendPreface()
            try serving.peer.send(ScriptedHTTP2Peer.request("/", method: "POST"), on: 1, isLast: false)
            try await serving.peer.hasBeenRead()
            let sender = bench.beside { flood.send(to: serving.peer) }
            #expect(try await serving.end() == [1, Code.enhanceYourCalm])
            await sender.value
            #expect(serving.connection?.mayOpen == false)
            #expect(serving.opened.first?.stream.isOpen == false)
        }
    }
}

/// Frames that carry nothing, slightly more than are tolerated.
enum ScriptedFlood: CaseIterable {
    case pings, settings, windowUpdates, emptyData, unknownFrames

    fileprivate func send(to peer: ScriptedHTTP2Peer) {
        let count = self == .emptyData ? Limits.http2EmptyDataFrames + 1 : Limits.http2ControlFrames + 10
        for _ in 0..<count { send(one: peer) }
    }

    private func send(one peer: ScriptedHTTP2Peer) {
        switch self {
        case .pings: peer.send(Frame(kind: .ping, payload: ByteBuffer(repeating: 1, count: 8)))
        case .settings: peer.send([])
        case .windowUpdates: peer.send(.windowUpdate, [1], on: 1)
        case .emptyData: peer.send("", on: 1)
        case .unknownFrames: peer.wire.send(ByteBuffer(bytes: [0, 0, 0, 0xfa, 0, 0, 0, 0, 0]))
        }
    }
}

extension Frame {
    /// The settings in a SETTINGS frame.
    fileprivate var settings: [UInt16: UInt32] {
        var (rest, found) = (payload, [UInt16: UInt32]())
        while let (name, value) = rest.readMultipleIntegers(as: (UInt16, UInt32).self) { found[name] = value }
        return found
    }
}
