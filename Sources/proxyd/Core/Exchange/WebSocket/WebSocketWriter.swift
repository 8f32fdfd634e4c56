import NIOCore
import ProxyCodecs

/// Writes the frames for one side, and keeps their sequence valid.
///
/// Confined to its loop. Each frame to the server is masked with its own key (RFC 6455, section 5.3).
final class WebSocketWriter: @unchecked Sendable {
    /// Where in the sequence of frames the writer is.
    private enum Position {
        case betweenMessages
        case betweenFragments
        case inFrame(WebSocketMask?, isFinal: Bool)
    }

    let stream: ByteStream
    private let masks: Bool
    private let deflater: WebSocketDeflater?
    private let loop: LoopContext
    private var position = Position.betweenMessages
    /// Whether a close frame has been written, after which nothing may follow (section 5.5.1).
    private(set) var isClosed = false
    private var unflushed = 0
    /// Whether there is output that has not been flushed.
    var hasUnsent: Bool { unflushed > 0 }

    init(to stream: ByteStream, masks: Bool, deflater: WebSocketDeflater?, on loop: LoopContext) {
        self.stream = stream
        self.masks = masks
        self.deflater = deflater
        self.loop = loop
    }

    /// Whether a complete message may be written now.
    var isBetweenMessages: Bool {
        if case .betweenMessages = position { true } else { false }
    }

    /// Whether this side can decompress the sender's messages as they are. It cannot once the proxy has compressed a
    /// message for it.
    var takesForeignCompression: Bool { !(deflater?.hasContext ?? false) && !hasMissedCompressed }

    /// Whether a compressed message was not forwarded in its original form, so that later ones must not refer to it.
    private var hasMissedCompressed = false

    // MARK: Forwarding

    /// Forwards the head of a frame.
    func pass(_ head: WebSocketFrameHead) {
        let mask = newMask()
        var buffer = loop.buffer(capacity: WebSocketFrameHead.maximumBytes)
        head.write(into: &buffer, maskedWith: mask)
        position = .inFrame(mask, isFinal: head.isFinal)
        write(buffer)
    }

    /// Forwards a part of a frame's payload.
    func pass(_ piece: ByteBuffer, endsFrame: Bool) {
        guard case .inFrame(var mask, let isFinal) = position else { return }
        var piece = piece
        mask?.apply(to: &piece)
        write(piece)
        if endsFrame {
            position = isFinal ? .betweenMessages : .betweenFragments
        } else {
            position = .inFrame(mask, isFinal: isFinal)
        }
    }

    /// Forwards a control frame, which may come between the frames of a message.
    func pass(_ frame: WebSocketFrame) {
        if frame.opcode == .close, isClosed { return }
        var buffer = loop.buffer(capacity: WebSocketFrameHead.maximumBytes + frame.payload.readableBytes)
        frame.write(into: &buffer, maskedWith: newMask())
        write(buffer)
        if frame.opcode == .close { isClosed = true }
    }

    // MARK: Writing

    /// Notes that a compressed message is forwarded in another form, or not at all.
    func missCompressed() {
        hasMissedCompressed = true
    }

    /// Writes a fragment of a message, as fast as the peer accepts it.
    func write(
        _ opcode: WebSocketFrameHead.Opcode,
        _ content: ByteBuffer,
        isFinal: Bool = true,
        isCompressed: Bool = false
    ) async throws(StreamError) {
        var content = content
        let length = content.readableBytes
        pass(WebSocketFrameHead(opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, length: length))
        repeat {
            let piece = content.readSlice(length: min(content.readableBytes, Limits.messagePiece)) ?? ByteBuffer()
            pass(piece, endsFrame: content.readableBytes == 0)
            try await flushIfMuch()
        } while content.readableBytes > 0
    }

    /// Writes a message in one frame, as fast as the peer accepts it.
    func write(_ message: WebSocketMessage) async throws(StreamError) {
        var content = message.content
        let deflater = message.isCompressed ? deflater : nil
        if let deflater { content = await deflater.deflate(content, on: loop) }
        let opcode: WebSocketFrameHead.Opcode = message.type == .text ? .text : .binary
        if content.readableBytes <= Limits.copiedMessage {
            return pass(WebSocketFrame(opcode: opcode, isCompressed: deflater != nil, payload: content))
        }
        try await write(opcode, content, isCompressed: deflater != nil)
    }

    /// Writes and sends a close frame, if none has been sent and a frame is allowed now.
    func close(_ code: Int, _ reason: String) {
        if isClosed || code == WebSocketClose.noCode { return }
        if case .inFrame = position { return }
        pass(WebSocketFrame(opcode: .close, payload: WebSocketClose.payload(code, reason)))
        stream.send()
        unflushed = 0
    }

    // MARK: Sending

    /// Applies back-pressure once much output is pending.
    func flushIfMuch() async throws(StreamError) {
        if unflushed >= Limits.messagePiece { try await flush() }
    }

    /// Applies back-pressure while the peer is slow.
    func flush() async throws(StreamError) {
        guard hasUnsent else { return }
        unflushed = 0
        try await stream.flush()
    }

    private func write(_ bytes: ByteBuffer) {
        guard !isClosed else { return }
        unflushed += bytes.readableBytes
        stream.write(bytes)
    }

    private func newMask() -> WebSocketMask? { masks ? WebSocketMask(key: loop.randomKeys.next()) : nil }
}

extension WebSocketDeflater {
    /// Compresses a message's payload, off the loop if it is large.
    fileprivate func deflate(_ content: ByteBuffer, on loop: LoopContext) async -> ByteBuffer {
        guard content.readableBytes > Limits.codedOnLoop else { return deflate(content) }
        return await loop.offLoop { self.deflate(content) }
    }
}
