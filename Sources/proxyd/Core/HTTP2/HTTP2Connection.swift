import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// Manages a connection's streams (RFC 9113): passes input to its stream, and batches the output of all streams.
///
/// Stands between swift-nio-http2, which manages the protocol's states and windows, and the `ByteStream`, which only
/// reports how the connection ends. Confined to the loop.
final class HTTP2Connection: ChannelInboundHandler, NIOHTTP2FrameDelegate, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    /// Receives a stream that the peer opened, and the head on it.
    typealias Opened = (_ stream: HTTP2Stream, _ head: FieldBlock, _ isLast: Bool) -> Void

    private let stream: ByteStream
    private let opened: Opened?
    private var context: ChannelHandlerContext?
    private var blocks: HTTP2FieldBlocks?
    private var streams: [HTTP2StreamID: HTTP2Stream] = [:]
    private var lastOpened: HTTP2StreamID?
    /// The peer's last stream that may have been acted on (RFC 9113, section 6.8); 0 on the client side, as servers
    /// open no streams.
    private(set) var lastTaken: UInt32 = 0
    private var isFlushDue = false
    /// Flow-controlled bytes received that have not yet been returned to the connection's window.
    private var received = 0
    /// The number of streams on which somebody waits for the peer.
    private var waits = 0
    /// Whether either side has found a connection error.
    private var isBroken = false
    /// The peer's violation that ended the connection.
    private(set) var breach: String?
    private(set) var isGoingAway = false
    private let connectProtocol = ConnectProtocolSetting()
    private var hasSettings = false
    private var closers: [UnsafeContinuation<Void, Never>] = []
    private(set) var isOpen = true
    /// Called when no more streams can be opened.
    var onGoingAway: (() -> Void)?

    private init(on stream: ByteStream, opened: Opened?) {
        self.stream = stream
        self.opened = opened
    }

    var eventLoop: any EventLoop { stream.channel.eventLoop }
    var isIdle: Bool { streams.isEmpty }
    var mayOpen: Bool { isOpen && !isGoingAway }

    // MARK: Start

    /// Speaks HTTP/2 as a server from now on.
    static func server(
        on stream: ByteStream,
        _ limits: HeadLimits,
        opened: @escaping Opened
    ) throws -> HTTP2Connection {
        try start(.server, on: stream, limits, opened)
    }

    /// Speaks HTTP/2 as a client from now on.
    static func client(on stream: ByteStream, _ limits: HeadLimits) throws -> HTTP2Connection {
        try start(.client, on: stream, limits, nil)
    }

    private static func start(
        _ mode: NIOHTTP2Handler.ParserMode,
        on stream: ByteStream,
        _ limits: HeadLimits,
        _ opened: Opened?
    ) throws -> HTTP2Connection {
        let connection = HTTP2Connection(on: stream, opened: opened)
        let alreadyRead = stream.takeUnread()
        try stream.insert(connection)
        let operations = stream.channel.pipeline.syncOperations
        let codec = NIOHTTP2Handler(
            mode: mode,
            frameDelegate: connection,
            connectionConfiguration: .init(mode, limits),
            streamConfiguration: .limited
        )
        let blocks = HTTP2FieldBlocks(mode, of: connection, limits)
        connection.blocks = blocks
        stream.onLateHead = { [weak connection] in connection?.breakOff(.lateHead) }
        try operations.addHandlers([blocks, codec], position: .before(connection))
        connection.write(
            .windowUpdate(windowSizeIncrement: Limits.http2ConnectionWindow - HTTP2Connection.initialWindow),
            on: .rootStream
        )
        connection.flush()
        if alreadyRead.readableBytes > 0 {
            try operations.addHandler(AlreadyRead(alreadyRead), position: .before(blocks))
        }
        stream.channel.read()
        return connection
    }

    /// The initial flow-control window (RFC 9113, section 6.9.2).
    private static let initialWindow = 65535

    // MARK: Streams

    /// Assigns an id to a stream to the server; nil when no more can be opened.
    func open(_ stream: HTTP2Stream) -> HTTP2StreamID? {
        assertOnLoop(eventLoop)
        guard mayOpen else { return nil }
        let id = lastOpened.map { $0.advanced(by: 2) } ?? HTTP2StreamID(1)
        lastOpened = id
        streams[id] = stream
        if id >= Self.lastID { isGoingAway = true }
        return id
    }

    /// Whether the peer speaks HTTP/2. Waits for its first settings or the end of the connection.
    func isSpoken() async -> Bool {
        _ = await connectProtocol.isEnabled()
        return hasSettings
    }

    /// Whether the server supports extended CONNECT, for WebSockets. Waits for its first settings.
    func takesExtendedConnect() async -> Bool { await connectProtocol.isEnabled() }

    /// Stream ids end at 2³¹ (RFC 9113, section 5.1.1).
    private static let lastID = HTTP2StreamID(Int(Int32.max) - 2)

    /// Forgets a stream of the proxy's own that ended before it was sent.
    func forget(_ id: HTTP2StreamID) {
        assertOnLoop(eventLoop)
        streams[id] = nil
        noteWaiting()
        if isGoingAway, streams.isEmpty { onGoingAway?() }
    }

    func write(_ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID) {
        context?.write(Self.wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: nil)
    }

    /// Sends a head or trailers. The stream keeps the fields until `takeHead`.
    func write(standInFor head: HeaderFields, isLast: Bool, on id: HTTP2StreamID) {
        write(.headers(.init(headers: HTTP2FieldBlocks.standIn(for: head), endStream: isLast)), on: id)
    }

    /// The head or trailers to send next on the stream.
    func takeHead(of id: UInt32) -> HeaderFields? {
        streams[HTTP2StreamID(Int(id))]?.takeHead()
    }

    /// Flushes, together with everything else written in this turn of the loop.
    func flush() {
        assertOnLoop(eventLoop)
        guard !isFlushDue, let context else { return }
        isFlushDue = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushDue = false
            self.stream.isAlive()
            self.context?.flush()
        }
    }

    /// Runs `body` in the next turn of the loop.
    func afterwards(_ body: @escaping () -> Void) {
        context?.eventLoop.assumeIsolated().execute(body)
    }

    /// Tells the peer that it may open no more streams; open streams continue.
    func goAway() {
        assertOnLoop(eventLoop)
        guard mayOpen, !isBroken else { return }
        isGoingAway = true
        blocks?.sendGoAway(.noError)
    }

    /// Sends pending output, then closes.
    func close() {
        assertOnLoop(eventLoop)
        goAway()
        guard context != nil else { return stream.close() }
        // Not now: the codec may be calling, and it flushes when it is done.
        afterwards {
            self.context?.flush()
            self.stream.close()
        }
    }

    /// Waits until the connection is closed.
    func closed() async {
        if isOpen { await withUnsafeContinuation { closers.append($0) } }
    }

    // MARK: Idleness

    func noteHead(isComing: Bool) {
        stream.noteHead(isComing: isComing)
    }

    func beginWait() {
        waits += 1
        if stream.awaitedSince == nil { stream.awaitedSince = .now() }
    }

    func endWait() {
        waits -= 1
        noteWaiting()
    }

    /// Counts the peer as awaited while the connection is idle and while a stream waits for the peer.
    private func noteWaiting() {
        stream.awaitedSince = waits > 0 || streams.isEmpty ? .now() : nil
    }

    // MARK: ChannelInboundHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        noteWaiting()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = Self.unwrapInboundIn(data)
        noteWaiting()
        switch frame.payload {
        case .headers(let content): receive(content, on: frame.streamID)
        case .data(let content): receive(content, on: frame.streamID)
        case .rstStream(let code): receive(reset: code, on: frame.streamID)
        case .goAway(let last, let code, _): receive(goAway: code, after: last)
        case .settings(.settings(let settings)):
            hasSettings = true
            connectProtocol.note(settings)
        case .settings(.ack), .ping, .priority, .windowUpdate, .pushPromise, .alternativeService, .origin: break
        }
    }

    /// Whether the peer has ended this stream, or the stream is closed (RFC 9113, section 5.1).
    func hasEnded(_ id: UInt32) -> Bool {
        let id = HTTP2StreamID(Int(id))
        guard id.isClientInitiated, let lastOpened, id <= lastOpened else { return false }
        return streams[id]?.inputEnded ?? true
    }

    private func receive(_ content: HTTP2Frame.FramePayload.Headers, on id: HTTP2StreamID) {
        guard let head = blocks?.arrived else { return }
        if let stream = streams[id] { return stream.receive(head, isLast: content.endStream) }
        guard let opened else { return }
        let stream = HTTP2Stream(id: id, connection: self)
        streams[id] = stream
        lastOpened = id
        if isGoingAway { return stream.reset(.refusedStream) }
        lastTaken = UInt32(Int(id))
        stream.noteInput(isLast: content.endStream)
        opened(stream, head, content.endStream)
    }

    private func receive(_ content: HTTP2Frame.FramePayload.Data, on id: HTTP2StreamID) {
        guard case .byteBuffer(let bytes) = content.data else { return }
        let padding = content.paddingBytes.map { $0 + 1 } ?? 0
        streams[id]?.receive(bytes, padding: padding, isLast: content.endStream)
    }

    /// Returns bytes to the connection's window as they arrive. Each stream's window bounds what is buffered; the
    /// connection's stays open, so that neither a waiting stream nor late input of a reset one blocks the others.
    func acknowledge(_ count: Int) {
        received += count
        guard received >= Limits.http2ConnectionWindow / 2 else { return }
        write(.windowUpdate(windowSizeIncrement: received), on: .rootStream)
        flush()
        received = 0
    }

    private func receive(reset code: HTTP2ErrorCode, on id: HTTP2StreamID) {
        streams.removeValue(forKey: id)?.fail(code == .refusedStream ? .refused : .reset(code))
    }

    private func receive(goAway code: HTTP2ErrorCode, after last: HTTP2StreamID) {
        isGoingAway = true
        for (id, stream) in streams where opened == nil && id > last {
            streams[id] = nil
            stream.fail(.refused)
        }
        if code != .noError { failAll("the connection was ended with \(code.name)") }
        onGoingAway?()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let closed = event as? StreamClosedEvent {
            end(closed)
        } else {
            context.fireUserInboundEventTriggered(event)
            closeIfLeft()
        }
    }

    /// Closes an idle connection whose peer has ended its output: it can neither open streams nor end them.
    private func closeIfLeft() {
        if !stream.inputIsOpen, streams.isEmpty { close() }
    }

    private func end(_ closed: StreamClosedEvent) {
        guard let stream = streams.removeValue(forKey: closed.streamID) else { return }
        if let code = closed.reason, !stream.isReset { stream.fail(.reset(code)) } else { stream.close() }
        noteWaiting()
        closeIfLeft()
        if isGoingAway, streams.isEmpty { onGoingAway?() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? any NIOHTTP2Error else { return context.fireErrorCaught(error) }
        if isBroken { isBrokenOff("\(error)") }
    }

    /// Ends the connection because of the peer's violation (RFC 9113, section 5.4.1).
    func breakOff(_ breach: HTTP2Breach) {
        guard !isBroken else { return }
        context?.flush()
        blocks?.sendGoAway(breach.code)
        isBroken = true
        isBrokenOff("\(breach)")
    }

    /// Follows the GOAWAY. Input is read and dropped for a while, so that the peer receives the GOAWAY before a TCP
    /// reset.
    private func isBrokenOff(_ reason: String) {
        guard breach == nil else { return }
        breach = reason
        isGoingAway = true
        blocks?.discardInput()
        connectProtocol.note([])
        failAll("the peer broke the rules of HTTP/2: \(reason)")
        stream.channel.close(mode: .output, promise: nil)
        let stream = stream
        context?.eventLoop.assumeIsolated().scheduleTask(in: Limits.lingering) { stream.close() }
        onGoingAway?()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOpen = false
        connectProtocol.note([])
        failAll("the connection was closed")
        context.fireChannelInactive()
        let waiting = closers
        closers = []
        for closer in waiting { closer.resume() }
    }

    private func failAll(_ reason: String) {
        let open = streams.values
        streams = [:]
        for stream in open { stream.fail(stream.isOnTheWire ? .connectionLost(reason) : .refused) }
    }

    // MARK: NIOHTTP2FrameDelegate

    func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .data(let content):
            streams[frame.streamID]?.sent(content.data.readableBytes + (content.endStream ? 1 : 0))
        case .headers(let content):
            if content.endStream { streams[frame.streamID]?.sent(1) }
        case .goAway(_, let code, _):
            isBroken = isBroken || code != .noError
        default:
            break
        }
    }
}

/// Passes bytes that were read earlier to a handler added behind it, then removes itself.
private final class AlreadyRead: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let bytes: ByteBuffer

    init(_ bytes: ByteBuffer) {
        self.bytes = bytes
    }

    func handlerAdded(context: ChannelHandlerContext) {
        context.fireChannelRead(Self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
