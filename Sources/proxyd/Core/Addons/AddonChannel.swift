import AddonProtocol
import NIOCore

/// The socket of one addon, which turns bytes into messages and messages into bytes. Confined to its loop.
final class AddonChannel: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// Receives the messages, and learns of the end.
    protocol Receiver: AnyObject {
        func received(_ message: Message)
        func received(_ reply: HeaderReply)
        /// What cannot be read as a message is answered, and in most cases that is all.
        func receivedUnreadable(_ error: ProtocolError)
        func writable()
        func closed()
    }

    private let channel: any Channel
    /// How deeply a frame may be nested.
    let maximumDepth: Int
    @exclusivity(unchecked) private var decoder: FrameDecoder
    private var receiver: (any Receiver)?
    @exclusivity(unchecked) private var outgoing = ByteBuffer()
    /// A large frame that is sent in pieces as the addon reads it. `outgoing` follows it.
    @exclusivity(unchecked) private var large: LargeFrame?
    @exclusivity(unchecked) private var isFlushScheduled = false
    @exclusivity(unchecked) private var batch: BatchReply?
    /// Shows every frame to taps.
    @exclusivity(unchecked) var watch: FrameWatch?

    init(channel: any Channel, maximumFrameBytes: Int, maximumDepth: Int) {
        self.channel = channel
        self.maximumDepth = maximumDepth
        decoder = FrameDecoder(maximumFrameBytes: maximumFrameBytes)
    }

    func setReceiver(_ receiver: any Receiver) {
        self.receiver = receiver
    }

    // MARK: Sending

    private var isSendingLarge: Bool { large != nil }

    /// Whether the addon accepts output. If not, the receiver is told when it does again.
    var isWritable: Bool {
        channel.isWritable && !isSendingLarge && outgoing.readableBytes < Limits.addonWriteBytes
    }

    /// How much of a large frame waits for the addon to read, in bytes.
    var unsentBytes: Int { large?.byteCount ?? 0 }

    /// Whether more output is pending than for any addon that reads.
    var isOverflowing: Bool {
        let waiting = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        return waiting + unsentBytes + outgoing.readableBytes > Limits.addonReplyBytes
    }

    func send(_ message: Message) {
        let frame = OutgoingFrame(head: message.encoded())
        switch message {
        case .success(let id, _): send(frame, answering: id)
        case .failure(let id, _): send(frame, answering: id)
        case .request, .notification: send(frame)
        }
    }

    func answer(_ id: RequestID, _ result: any CallResult) {
        send(result.answer(to: id), answering: id)
    }

    /// - Parameter id: nil: what it answers could not be read.
    private func send(_ frame: OutgoingFrame, answering id: RequestID?) {
        assertOnLoop(channel.eventLoop)
        guard let open = batch, open.take(frame, answering: id) else { return send(frame) }
        guard let reply = open.finished else { return }
        batch = nil
        send(OutgoingFrame(head: reply))
    }

    /// Sends one JSON text. Texts sent in the same turn of the loop are written together.
    func send(_ frame: OutgoingFrame) {
        assertOnLoop(channel.eventLoop)
        if let watch, watch.isActive() { watch.saw(frame.json, from: .daemon) }
        if outgoing.readableBytes == 0 { outgoing = channel.allocator.buffer(capacity: Limits.addonBuffer) }
        if frame.members.count > Limits.addonWriteBytes, !isSendingLarge {
            large = LargeFrame(frame, behind: outgoing, decoder.framing ?? .lines)
            outgoing = ByteBuffer()
        } else {
            frame.write(into: &outgoing, decoder.framing ?? .lines)
        }
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        channel.eventLoop.execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        let wasFull = !isWritable
        if isSendingLarge {
            sendLarge()
            guard !isSendingLarge else { return }
        }
        let bytes = outgoing
        outgoing = ByteBuffer()
        channel.writeAndFlush(bytes, promise: nil)
        // The channel does not report what it can write at once.
        if wasFull, isWritable { receiver?.writable() }
    }

    private func sendLarge() {
        while channel.isWritable, let piece = large?.next(atMost: Limits.addonWriteBytes) {
            channel.writeAndFlush(piece, promise: nil)
        }
        guard unsentBytes == 0 else { return }
        large = nil
    }

    /// Closes after pending output is sent, or at once when the addon does not read.
    func close() {
        assertOnLoop(channel.eventLoop)
        flush()
        guard channel.isWritable else { return channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in self.channel.close(promise: nil) }
    }

    // MARK: ChannelInboundHandler

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        Self.unwrapInboundIn(data).withUnsafeReadableBytes { decoder.append($0) }
        do {
            let (maximumDepth, isWatched) = (maximumDepth, watch?.isActive() ?? false)
            while let frame = try decoder.next({ ReceivedFrame($0, maximumDepth, keepsText: isWatched) }) {
                if let text = frame.text { watch?.saw(text, from: .addon) }
                receive(frame.content)
            }
        } catch {
            send(.failure(id: nil, error))
            close()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        if isSendingLarge { flush() }
        receiver?.writable()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let last = receiver
        // Both hold the session, which holds this channel.
        receiver = nil
        watch = nil
        last?.closed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func receive(_ content: ReceivedFrame.Content) {
        switch content {
        case .headers(let reply): receiver?.received(reply)
        case .other(let frame): receive(frame)
        }
    }

    private func receive(_ frame: Result<IncomingFrame, ProtocolError>) {
        switch frame {
        case .success(.single(let message)):
            receiver?.received(message)
        case .success(.batch(let elements)):
            batch = BatchReply(expecting: elements)
            for element in elements { receive(element) }
            if batch?.isEmpty ?? false { batch = nil }
        case .failure(let error):
            send(.failure(id: nil, error))
            receiver?.receivedUnreadable(error)
            if error.isFrameOverLimit { close() }
        }
    }

    private func receive(_ element: Result<Message, ProtocolError>) {
        switch element {
        case .success(let message):
            receiver?.received(message)
        case .failure(let error):
            send(.failure(id: nil, error))
            receiver?.receivedUnreadable(error)
        }
    }
}

private struct ReceivedFrame {
    enum Content {
        case headers(HeaderReply)
        case other(Result<IncomingFrame, ProtocolError>)
    }

    let content: Content
    /// For those who watch.
    let text: [UInt8]?

    init(_ bytes: UnsafeRawBufferPointer, _ maximumDepth: Int, keepsText: Bool) {
        text = keepsText ? Array(bytes) : nil
        if let reply = HeaderReply(bytes, maximumDepth: maximumDepth) {
            content = .headers(reply)
        } else {
            content = .other(
                Result { () throws(ProtocolError) in
                    try IncomingFrame.decode(bytes, maximumDepth: maximumDepth)
                }
            )
        }
    }
}

/// Collects the answers to the calls of a batch, which are returned as one array (JSON-RPC 2.0, section 6).
private final class BatchReply {
    private var awaited: Set<RequestID> = []
    private var unreadable = 0
    private var answers: [[UInt8]] = []

    init(expecting elements: [Result<Message, ProtocolError>]) {
        for element in elements {
            switch element {
            case .success(.request(let id, _, _)): awaited.insert(id)
            case .success: break
            case .failure: unreadable += 1
            }
        }
    }

    /// Whether there is nothing to answer: the batch had only notifications and replies.
    var isEmpty: Bool { awaited.isEmpty && unreadable == 0 && answers.isEmpty }

    /// Takes what answers one of the batch's calls.
    ///
    /// - Parameter id: nil: of one that could not be read.
    func take(_ frame: OutgoingFrame, answering id: RequestID?) -> Bool {
        if let id {
            guard awaited.remove(id) != nil else { return false }
        } else {
            guard unreadable > 0 else { return false }
            unreadable -= 1
        }
        answers.append(frame.json)
        return true
    }

    /// The array, once all answers are there.
    var finished: [UInt8]? {
        guard awaited.isEmpty, unreadable == 0 else { return nil }
        return [UInt8(ascii: "[")] + answers.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }
}
