import NIOCore

/// Bytes in and out for straight-line code on the loop of what carries them.
///
/// Reads ahead by `Limits.readAhead`; whoever does not take what came so holds the peer back. Confined to the loop.
final class ByteStream: @unchecked Sendable {
    enum Input {
        case open
        /// The peer has sent its last byte.
        case ended
        /// The connection broke.
        case failed(any Error)
    }

    let transport: any ByteTransport
    /// What has arrived and is not consumed, but for what `later` has.
    @exclusivity(unchecked) var unread = ByteBuffer()
    /// Pieces that arrived when enough was unread: when a peer has sent its last byte, all that the kernel holds of it
    /// comes at once. They stay apart, so that many megabytes are neither copied nor kept longer than needed.
    @exclusivity(unchecked) private var later = CircularBuffer<ByteBuffer>()
    /// What was written and waits to be sent.
    @exclusivity(unchecked) private var unsent = ByteBuffer()
    /// How the transport's own input stands; that of the reader ends when it has taken all.
    @exclusivity(unchecked) private var transportInput = Input.open
    @exclusivity(unchecked) private(set) var isOpen = true
    /// Called once, when `input` stops being `.open`, or the connection breaks.
    var onInputEnd: (() -> Void)?
    /// Since when somebody has waited for the peer to send, or to take what was sent, and nothing has moved; nil: nobody
    /// waits.
    @exclusivity(unchecked) var awaitedSince: NIODeadline?
    /// Whether a message to the peer has not ended, so that its silence means nothing.
    @exclusivity(unchecked) var isBeingSent = false
    /// Since when a head has been coming that has not ended; nil: none is on its way.
    @exclusivity(unchecked) fileprivate var headSince: NIODeadline?
    /// Whether a head was given up because it took too long.
    @exclusivity(unchecked) private(set) var headIsLate = false
    /// Called for a head that takes too long; nil: its reader is told.
    var onLateHead: (() -> Void)?
    /// The stream whose bytes go here, while those from here go there.
    private weak var partner: ByteStream?
    @exclusivity(unchecked) private var outputIsFinished = false
    /// What the peer has taken, as far as was seen at the last look.
    @exclusivity(unchecked) private var taken: UInt64?
    /// Called when bytes have come, until it is nil: for who looks at them and leaves them to a reader.
    @exclusivity(unchecked) private var onArrival: (() -> Void)?

    @exclusivity(unchecked) private var reader: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) private var writer: UnsafeContinuation<Void, Never>?
    /// Whether bytes came since `readMore` last returned.
    @exclusivity(unchecked) private var arrived = false

    @exclusivity(unchecked) private var isReading = false

    /// - Parameter transport: whoever made it tells it what stream it carries.
    init(over transport: any ByteTransport) {
        self.transport = transport
    }

    /// How the input stands for who has not yet taken all of it.
    var input: Input { later.isEmpty ? transportInput : .open }

    var inputIsOpen: Bool {
        if case .open = input { true } else { false }
    }

    /// Whether all that came was taken, and more may come.
    var isIdle: Bool { isOpen && inputIsOpen && later.isEmpty && unread.readableBytes == 0 }

    // MARK: For straight-line code

    /// Waits for bytes that were not there at the last call; false when there will be none.
    func readMore() async -> Bool {
        assertOnLoop(transport.eventLoop)
        if !arrived { takePiece() }
        if !arrived, inputIsOpen {
            awaitedSince = .now()
            // What is read next can then take the same memory.
            if unread.readableBytes == 0 { unread = ByteBuffer() }
            askForMore()
            if !arrived, inputIsOpen { await withUnsafeContinuation { reader = $0 } }
            endWait()
        }
        defer { arrived = false }
        return arrived
    }

    /// All that has arrived and is not consumed.
    func takeUnread() -> ByteBuffer {
        assertOnLoop(transport.eventLoop)
        while !later.isEmpty { takePiece() }
        defer { unread = ByteBuffer() }
        return unread
    }

    /// What is small goes out in one piece with what was written before it.
    func write(_ bytes: consuming ByteBuffer) {
        assertOnLoop(transport.eventLoop)
        guard bytes.readableBytes > 0 else { return }
        if unsent.readableBytes == 0 {
            unsent = bytes
        } else if unsent.readableBytes + bytes.readableBytes <= Limits.joinedBytes {
            unsent.writeImmutableBuffer(bytes)
        } else {
            transport.write(unsent)
            unsent = bytes
        }
    }

    /// Sends what was written and, when the peer is slow to take it, waits until it has room again.
    @inline(__always)
    func flush() async throws(StreamError) {
        send()
        if !hasRoom { try await untilRoom() }
    }

    /// Whether what is written now goes out without a wait.
    var hasRoom: Bool { isOpen && transport.isWritable }

    /// Waits while the peer is slow to take what was sent.
    func untilRoom() async throws(StreamError) {
        assertOnLoop(transport.eventLoop)
        while isOpen, !transport.isWritable {
            awaitedSince = .now()
            await withUnsafeContinuation { writer = $0 }
            endWait()
        }
        guard isOpen else { throw StreamError(transportInput) }
    }

    /// Sends what was written, however slow the peer is.
    func send() {
        assertOnLoop(transport.eventLoop)
        isAlive()
        guard unsent.readableBytes > 0 else { return }
        let bytes = unsent
        unsent = ByteBuffer()
        transport.send(bytes)
    }

    /// Sends everything, then the end of our direction.
    func finishOutput() async {
        outputIsFinished = true
        send()
        await transport.finishOutput()
    }

    func close() {
        transport.close()
    }

    /// Ends a wait of `readMore` as if nothing had come, so that somebody else may read. A task that is started beside
    /// this one may not have come to its wait yet, so who may be stopped too early must know by something that stays.
    func stopReading() {
        resumeReader()
    }

    /// Has bytes read, and `notify` called when some have come; whoever reads next gets them.
    func listen(_ notify: @escaping () -> Void) {
        onArrival = notify
        askForMore()
    }

    func stopListening() {
        onArrival = nil
    }

    /// Puts a handler between the transport and this stream; a read that was asked for before is no longer this stream's.
    func insert(_ handler: any ChannelHandler) throws {
        arrived = false
        isReading = false
        try transport.insert(handler)
    }

    /// Closes, as if the peer had broken the connection for this reason.
    func fail(_ error: any Error) {
        endInput(.failed(error))
        close()
    }

    // MARK: For the transport

    /// These bytes have come, which are some; `readCompleted` follows.
    func received(_ bytes: ByteBuffer) {
        // Who waits with much that is unread has a use for it only with what follows.
        if unread.readableBytes < Limits.joinedUnread || reader != nil && !arrived, later.isEmpty {
            append(bytes)
        } else {
            later.append(bytes)
        }
    }

    private func append(_ bytes: ByteBuffer) {
        arrived = true
        if unread.readableBytes == 0 {
            unread = bytes
        } else {
            unread.writeImmutableBuffer(bytes)
        }
    }

    /// The next of what stayed apart is to be read; after the last the input may have ended.
    private func takePiece() {
        guard let piece = later.popFirst() else { return }
        append(piece)
        notifyOfEnd()
    }

    /// What was asked for has been read.
    func readCompleted() {
        isReading = false
        if arrived {
            onArrival?()
            resumeReader()
        }
        if reader != nil || unread.readableBytes < Limits.readAhead, later.isEmpty { askForMore() }
    }

    /// A read that stays asked for, message after message, costs no system call.
    private func askForMore() {
        guard !isReading, inputIsOpen else { return }
        isReading = true
        transport.read()
    }

    /// The peer sends no more, or the connection has broken.
    func inputEnded(_ end: Input = .ended) {
        endInput(end)
    }

    /// There is room again for what is written.
    func becameWritable() {
        resumeWriter()
    }

    /// The transport carries no more bytes, either way.
    func becameClosed() {
        isOpen = false
        endInput(.ended)
        resumeWriter()
    }

    private func endInput(_ end: Input) {
        assertOnLoop(transport.eventLoop)
        guard case .open = transportInput else { return }
        transportInput = end
        resumeReader()
        notifyOfEnd()
    }

    private func notifyOfEnd() {
        if case .failed = transportInput {} else if inputIsOpen { return }
        let notify = onInputEnd
        onInputEnd = nil
        notify?()
    }

    fileprivate func resumeReader() {
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

// MARK: - Heads

extension ByteStream {
    /// Waits for more of a head, of which something has come; false also when the head took too long.
    func readMoreOfHead() async -> Bool {
        noteHead(isComing: true)
        return await readMore() && !headIsLate
    }

    /// A part of a head has come and its end has not, or neither has come any more.
    func noteHead(isComing: Bool) {
        headSince = isComing ? headSince ?? .now() : nil
    }

    /// Gives up the head that is on its way, if it has been since before `latest`.
    func endHead(since latest: NIODeadline) {
        guard let headSince, headSince < latest else { return }
        self.headSince = nil
        if let onLateHead { return onLateHead() }
        headIsLate = true
        resumeReader()
    }
}

// MARK: - Idleness

extension ByteStream {
    /// The two streams are the ends of one conversation, which is idle when neither of them has moved a byte.
    func converse(with other: ByteStream) {
        partner = other
        other.partner = self
    }

    /// Bytes move: who waits for the peer waits from now on.
    func isAlive() {
        if awaitedSince != nil { awaitedSince = .now() }
    }

    /// A reader and a writer may wait at once.
    private func endWait() {
        awaitedSince = reader == nil && writer == nil ? nil : .now()
    }

    /// Since when nothing has moved, though a peer could have moved something; nil: nobody waits for a peer alone.
    var idleSince: NIODeadline? {
        guard let own = awaitedSince, !isBeingSent || writer != nil else { return nil }
        guard let partner, !outputIsFinished else { return own }
        // What came from there may be with an addon.
        guard let other = partner.awaitedSince else { return writer == nil ? nil : own }
        return max(own, other)
    }

    /// Notices that the peer has taken something since the last call, however little and from whatever buffer.
    func noteTaken() {
        guard awaitedSince != nil else { return }
        transport.countTaken { [self] count in
            if taken != count { isAlive() }
            taken = count
        }
    }
}

/// Why a stream takes no more bytes.
struct StreamError: Error, CustomStringConvertible {
    let description: String

    init(_ input: ByteStream.Input) {
        if case .failed(let error) = input {
            description = "connection lost: \(error)"
        } else {
            description = "connection closed by peer"
        }
    }
}
