import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// A stream of a connection (RFC 9113, section 5), for straight-line code on the connection's loop.
///
/// Input is buffered until it is taken. Taking it returns the flow-control window, which bounds the buffer.
final class HTTP2Stream: @unchecked Sendable {
    /// What the peer can send.
    enum Inbound {
        case headers(FieldBlock, isLast: Bool)
        case data(ByteBuffer)
        case end
    }

    /// Nil for a stream of the proxy's own until its first head is written, since ids must increase in the order of
    /// use.
    private(set) var id: HTTP2StreamID?
    private let connection: HTTP2Connection
    private var inbound = CircularBuffer<Inbound>(initialCapacity: 4)
    /// The number of buffered header blocks.
    private var waitingHeaders = 0
    /// Whether the peer knows of the stream.
    private(set) var isOnTheWire: Bool
    /// Heads and trailers that were written but not yet sent.
    private var heads: [HeaderFields] = []
    private var reader: UnsafeContinuation<Void, Never>?
    private var writer: UnsafeContinuation<Void, Never>?
    /// What was written but not yet sent: bytes, plus one for the end.
    private var pending = 0
    /// How much has been sent, in the same count.
    private(set) var sentCount: UInt64 = 0
    /// Flow-controlled bytes taken that have not yet been returned to the peer's window.
    private var taken = 0
    private(set) var failure: HTTP2Failure?
    /// Whether the proxy has ended its side, and whether the peer has ended its own.
    private(set) var outputEnded = false
    private(set) var inputEnded = false
    private var isClosed = false
    /// Whether a message to the peer is incomplete, so that the peer's silence means nothing.
    var isBeingSent = false { didSet { noteWait() } }
    /// Whether somebody waits for the peer, and that wait counts.
    private var isAwaited = false { didSet { noteWait() } }
    private var isCounted = false
    /// Called once, when the stream fails.
    var onFailure: ((HTTP2Failure) -> Void)?

    /// - Parameter id: the id of a stream that the peer opened.
    init(id: HTTP2StreamID? = nil, connection: HTTP2Connection) {
        self.id = id
        self.connection = connection
        isOnTheWire = id != nil
    }

    var isOpen: Bool { failure == nil && !isClosed }
    /// Whether both sides have ended and all output is sent.
    private var hasEnded: Bool { inputEnded && outputEnded && pending == 0 }
    /// Whether there is input to take.
    var hasInbound: Bool { !inbound.isEmpty }

    // MARK: Input

    /// Waits for the peer's next input; nil when there will be no more, because the stream failed.
    ///
    /// - Parameter isAwaited: whether the connection is closed when the peer stays silent for too long.
    func next(isAwaited: Bool = true) async -> Inbound? {
        assertOnLoop(connection.eventLoop)
        if inbound.isEmpty, failure == nil, !isClosed {
            self.isAwaited = isAwaited
            await withUnsafeContinuation { reader = $0 }
            self.isAwaited = false
        }
        return nextPresent()
    }

    /// The next input, if there is any.
    func nextPresent() -> Inbound? {
        guard let first = inbound.popFirst() else { return nil }
        switch first {
        case .headers: waitingHeaders -= 1
        case .data(let bytes): take(bytes.readableBytes)
        case .end: break
        }
        return first
    }

    private func noteWait() {
        guard isCounted != (isAwaited && !isBeingSent) else { return }
        isCounted.toggle()
        if isCounted { connection.beginWait() } else { connection.endWait() }
    }

    /// Ends a wait in `next` as if the stream had failed.
    func stopReading() {
        resumeReader()
    }

    /// Returns what was taken to the peer's window, in steps large enough to be worth a frame.
    private func take(_ count: Int) {
        taken += count
        guard taken >= Limits.http2StreamWindow / 2, !inputEnded, isOpen, let id else { return }
        connection.write(.windowUpdate(windowSizeIncrement: taken), on: id)
        connection.flush()
        taken = 0
    }

    // MARK: Output

    /// Writes a head or trailers. The first head opens a stream of the proxy's own.
    func write(_ head: HeaderFields, isLast: Bool) {
        assertOnLoop(connection.eventLoop)
        guard isOpen, !outputEnded else { return }
        if id == nil { id = connection.open(self) }
        guard let id else { return fail(.refused) }
        if isLast { end() }
        heads.append(head)
        connection.write(standInFor: head, isLast: isLast, on: id)
    }

    /// Writes a part of the body.
    func write(_ data: ByteBuffer, isLast: Bool) {
        assertOnLoop(connection.eventLoop)
        guard isOpen, !outputEnded, let id else { return }
        pending += data.readableBytes
        if isLast { end() }
        connection.write(.data(.init(data: .byteBuffer(data), endStream: isLast)), on: id)
    }

    private func end() {
        outputEnded = true
        pending += 1
    }

    /// Whether the unsent output is below its limit.
    var isWritable: Bool { pending <= Limits.http2PendingBytes }
    /// Whether a write would be sent without a wait.
    var hasRoom: Bool { isOpen && isWritable }

    /// Sends pending output as far as the peer's window allows.
    func send() {
        connection.flush()
    }

    /// Sends pending output; applies back-pressure while the peer is slow.
    func flush() async {
        send()
        _ = await untilRoom()
    }

    /// Waits while the peer is slow to accept output.
    ///
    /// - Returns: whether the stream is still open.
    func untilRoom() async -> Bool {
        await waits(over: Limits.http2PendingBytes)
    }

    /// Waits until all output has been sent.
    func drain() async {
        connection.flush()
        _ = await waits(over: 0)
    }

    private func waits(over limit: Int) async -> Bool {
        while pending > limit, isOpen {
            connection.beginWait()
            await withUnsafeContinuation { writer = $0 }
            connection.endWait()
        }
        return isOpen
    }

    /// Ends both directions. The peer is told unless both sides had already ended.
    func reset(_ code: HTTP2ErrorCode) {
        assertOnLoop(connection.eventLoop)
        guard isOpen else { return }
        isClosed = true
        if let id, !hasEnded {
            // If the stream still waits to be opened, swift-nio-http2 drops everything written on it.
            connection.write(.rstStream(code), on: id)
            connection.flush()
            if !isOnTheWire { connection.forget(id) }
        }
        resumeReader()
        resumeWriter()
    }

    // MARK: For the connection

    /// The next head or trailers to send.
    func takeHead() -> HeaderFields? {
        isOnTheWire = true
        return heads.isEmpty ? nil : heads.removeFirst()
    }

    /// Whether the proxy has reset the stream.
    var isReset: Bool { isClosed }

    func noteInput(isLast: Bool) {
        inputEnded = isLast
    }

    /// Buffers a head or trailers.
    func receive(_ head: FieldBlock, isLast: Bool) {
        guard isOpen else { return }
        waitingHeaders += 1
        guard waitingHeaders <= Limits.http2WaitingHeaders else { return reset(.enhanceYourCalm) }
        if isLast { inputEnded = true }
        inbound.append(.headers(head, isLast: isLast))
        resumeReader()
    }

    /// - Parameter padding: flow-controlled bytes that are not data.
    func receive(_ data: ByteBuffer, padding: Int, isLast: Bool) {
        guard isOpen else { return }
        if isLast { inputEnded = true }
        if padding > 0 { take(padding) }
        append(data)
        if isLast { inbound.append(.end) }
        if hasInbound { resumeReader() }
    }

    /// Joins small frames into few buffers, so that buffered input takes no more memory than the window allows.
    private func append(_ data: ByteBuffer) {
        guard data.readableBytes > 0 else { return }
        if case .data(var last)? = inbound.last, data.readableBytes < 1024 {
            inbound.removeLast()
            last.writeImmutableBuffer(data)
            inbound.append(.data(last))
        } else {
            inbound.append(.data(data))
        }
    }

    /// Notes that a frame is about to be sent. The writer resumes in the next turn, so that its output comes after it.
    func sent(_ count: Int) {
        pending -= count
        sentCount += UInt64(count)
        guard writer != nil, pending <= Limits.http2PendingBytes / 2 else { return }
        connection.afterwards { self.resumeWriter() }
    }

    /// Ends all waits because of a failure.
    func fail(_ failure: HTTP2Failure) {
        guard isOpen else { return }
        self.failure = failure
        resumeReader()
        resumeWriter()
        let tell = onFailure
        onFailure = nil
        tell?(failure)
    }

    /// Notes that both sides have ended properly.
    func close() {
        isClosed = true
        onFailure = nil
        resumeReader()
        resumeWriter()
    }

    private func resumeReader() {
        let waiting = reader
        reader = nil
        waiting?.resume()
    }

    private func resumeWriter() {
        let waiting = writer
        writer = nil
        waiting?.resume()
    }
}
