import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// One stream of a connection (RFC 9113, section 5) for straight-line code on the connection's loop.
///
/// What the peer sent waits here until it is taken, and the peer may send more only as it is: the window is the bound.
final class HTTP2Stream: @unchecked Sendable {
    enum Inbound {
        case headers(FieldBlock, isLast: Bool)
        case data(ByteBuffer)
        case end
    }

    /// Nil until the first head is written on a stream of our own: ids must go up in the order of their use.
    private(set) var id: HTTP2StreamID?
    private let connection: HTTP2Connection
    private var inbound = CircularBuffer<Inbound>(initialCapacity: 4)
    /// Header blocks among what waits.
    private var waitingHeaders = 0
    /// Whether the peer knows of the stream.
    private(set) var isOnTheWire: Bool
    /// Heads and trailers that have been written and have not gone out yet.
    private var heads: [HeaderFields] = []
    private var reader: UnsafeContinuation<Void, Never>?
    private var writer: UnsafeContinuation<Void, Never>?
    /// How much has been written that has not gone out yet: bytes, and one for the end.
    private var pending = 0
    /// How much of it has gone out.
    private(set) var sentCount: UInt64 = 0
    /// Flow-controlled bytes that were taken and are not given back to the peer's window yet.
    private var taken = 0
    private(set) var failure: HTTP2Failure?
    /// Whether we have sent, or the peer has sent, its last.
    private(set) var outputEnded = false
    private(set) var inputEnded = false
    private var isClosed = false
    /// Whether a message to the peer has not ended, so that its silence means nothing.
    var isBeingSent = false { didSet { noteWait() } }
    /// Whether somebody waits for the peer to send, and whether that counts.
    private var isAwaited = false { didSet { noteWait() } }
    private var isCounted = false
    /// Called once, when the stream fails.
    var onFailure: ((HTTP2Failure) -> Void)?

    /// - Parameter id: of a stream that the peer has opened.
    init(id: HTTP2StreamID? = nil, connection: HTTP2Connection) {
        self.id = id
        self.connection = connection
        isOnTheWire = id != nil
    }

    var isOpen: Bool { failure == nil && !isClosed }
    /// Whether the last of either side has gone by.
    private var hasEnded: Bool { inputEnded && outputEnded && pending == 0 }
    /// Whether there is something to take.
    var hasInbound: Bool { !inbound.isEmpty }

    // MARK: Input

    /// The next that the peer sent; nil when it will send no more, because the stream failed.
    ///
    /// - Parameter isAwaited: whether a peer that sends nothing for too long has its connection closed.
    func next(isAwaited: Bool = true) async -> Inbound? {
        assertOnLoop(connection.eventLoop)
        if inbound.isEmpty, failure == nil, !isClosed {
            self.isAwaited = isAwaited
            await withUnsafeContinuation { reader = $0 }
            self.isAwaited = false
        }
        return nextPresent()
    }

    /// The next of what the peer sent, if it is there.
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

    /// Ends a wait of `next` as if the stream had failed.
    func stopReading() {
        resumeReader()
    }

    /// Lets the peer send as much again as was taken, in steps that are worth a frame.
    private func take(_ count: Int) {
        taken += count
        guard taken >= Limits.http2StreamWindow / 2, !inputEnded, isOpen, let id else { return }
        connection.write(.windowUpdate(windowSizeIncrement: taken), on: id)
        connection.flush()
        taken = 0
    }

    // MARK: Output

    func write(_ head: HeaderFields, isLast: Bool) {
        assertOnLoop(connection.eventLoop)
        guard isOpen, !outputEnded else { return }
        if id == nil { id = connection.open(self) }
        guard let id else { return fail(.refused) }
        if isLast { end() }
        heads.append(head)
        connection.write(standInFor: head, isLast: isLast, on: id)
    }

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

    /// Whether little enough waits to go out.
    var isWritable: Bool { pending <= Limits.http2PendingBytes }
    /// Whether what is written now goes out without a wait.
    var hasRoom: Bool { isOpen && isWritable }

    /// Sends what was written, as far as the peer takes it.
    func send() {
        connection.flush()
    }

    /// Sends what was written; waits while the peer is slow to take it.
    func flush() async {
        send()
        _ = await untilRoom()
    }

    /// Waits while the peer is slow to take what was sent.
    ///
    /// - Returns: whether the stream takes more.
    func untilRoom() async -> Bool {
        await waits(over: Limits.http2PendingBytes)
    }

    /// Waits until all that was written has gone out.
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

    /// Ends the stream both ways; the peer is told, unless each side has sent its last.
    func reset(_ code: HTTP2ErrorCode) {
        assertOnLoop(connection.eventLoop)
        guard isOpen else { return }
        isClosed = true
        if let id, !hasEnded {
            // Of one that waits for its turn to be opened, swift-nio-http2 drops all that was written.
            connection.write(.rstStream(code), on: id)
            connection.flush()
            if !isOnTheWire { connection.forget(id) }
        }
        resumeReader()
        resumeWriter()
    }

    // MARK: For the connection

    func takeHead() -> HeaderFields? {
        isOnTheWire = true
        return heads.isEmpty ? nil : heads.removeFirst()
    }

    /// Whether we have reset it.
    var isReset: Bool { isClosed }

    func noteInput(isLast: Bool) {
        inputEnded = isLast
    }

    func receive(_ head: FieldBlock, isLast: Bool) {
        guard isOpen else { return }
        waitingHeaders += 1
        guard waitingHeaders <= Limits.http2WaitingHeaders else { return reset(.enhanceYourCalm) }
        if isLast { inputEnded = true }
        inbound.append(.headers(head, isLast: isLast))
        resumeReader()
    }

    /// - Parameter padding: flow-controlled bytes that are no data.
    func receive(_ data: ByteBuffer, padding: Int, isLast: Bool) {
        guard isOpen else { return }
        if isLast { inputEnded = true }
        if padding > 0 { take(padding) }
        append(data)
        if isLast { inbound.append(.end) }
        if hasInbound { resumeReader() }
    }

    /// Many small frames become few buffers, so that what waits takes no more memory than the window allows.
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

    /// A frame is about to go out; what the writer then writes must come behind it.
    func sent(_ count: Int) {
        pending -= count
        sentCount += UInt64(count)
        guard writer != nil, pending <= Limits.http2PendingBytes / 2 else { return }
        connection.afterwards { self.resumeWriter() }
    }

    func fail(_ failure: HTTP2Failure) {
        guard isOpen else { return }
        self.failure = failure
        resumeReader()
        resumeWriter()
        let tell = onFailure
        onFailure = nil
        tell?(failure)
    }

    /// Both sides have ended, in order.
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
