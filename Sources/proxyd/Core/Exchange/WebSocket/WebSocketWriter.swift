import NIOCore
import ProxyCodecs

/// Writes the frames that one side gets, and sees to it that they make sense one after the other.
///
/// Confined to its loop. Towards the server every frame is masked with a key of its own (RFC 6455, section 5.3).
final class WebSocketWriter: @unchecked Sendable {
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
    /// Whether a close frame has been written, after which there is nothing (section 5.5.1).
    private(set) var isClosed = false
    private var unflushed = 0
    /// Whether something was written that has not been sent.
    var hasUnsent: Bool { unflushed > 0 }

    init(to stream: ByteStream, masks: Bool, deflater: WebSocketDeflater?, on loop: LoopContext) {
        self.stream = stream
        self.masks = masks
        self.deflater = deflater
        self.loop = loop
    }

    /// Whether a message may be written as a whole.
    var isBetweenMessages: Bool {
        if case .betweenMessages = position { true } else { false }
    }

    /// Whether what the sender compressed means the same to this side: not once it was compressed anew in its own way.
    var takesForeignCompression: Bool { !(deflater?.hasContext ?? false) && !hasMissedCompressed }

    /// Whether a message that came compressed has not gone on as it came, so that what follows it cannot refer to it.
    private var hasMissedCompressed = false

    // MARK: As they come

    func pass(_ head: WebSocketFrameHead) {
        let mask = newMask()
        var buffer = loop.buffer(capacity: WebSocketFrameHead.maximumBytes)
        head.write(into: &buffer, maskedWith: mask)
        position = .inFrame(mask, isFinal: head.isFinal)
        write(buffer)
    }

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

    func pass(_ frame: WebSocketFrame) {
        if frame.opcode == .close, isClosed { return }
        var buffer = loop.buffer(capacity: WebSocketFrameHead.maximumBytes + frame.payload.readableBytes)
        frame.write(into: &buffer, maskedWith: newMask())
        write(buffer)
        if frame.opcode == .close { isClosed = true }
    }

    // MARK: Of our own

    /// A message that came compressed goes on in another way, or not at all.
    func missCompressed() {
        hasMissedCompressed = true
    }

    /// Writes a fragment of a message, as fast as the peer takes it.
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

    /// Writes a message in one frame, as fast as the peer takes it.
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

    /// Writes a close frame and sends it, if a frame may come now and none has.
    func close(_ code: Int, _ reason: String) {
        if isClosed || code == WebSocketClose.noCode { return }
        if case .inFrame = position { return }
        pass(WebSocketFrame(opcode: .close, payload: WebSocketClose.payload(code, reason)))
        stream.send()
        unflushed = 0
    }

    // MARK: Sending

    func flushIfMuch() async throws(StreamError) {
        if unflushed >= Limits.messagePiece { try await flush() }
    }

    /// Waits until the peer has room for more.
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
    /// The payload for a message; a large one is made off the loop.
    fileprivate func deflate(_ content: ByteBuffer, on loop: LoopContext) async -> ByteBuffer {
        guard content.readableBytes > Limits.codedOnLoop else { return deflate(content) }
        return await loop.offLoop { self.deflate(content) }
    }
}
