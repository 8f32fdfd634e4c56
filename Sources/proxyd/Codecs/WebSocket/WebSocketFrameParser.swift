package import NIOCore

/// Parses the frames that one side sends, however its bytes are split; strict (RFC 6455, section 5).
///
/// Payloads of data frames are returned as they arrive, so a large frame is never buffered merely to complete it.
package struct WebSocketFrameParser: Sendable {
    /// Which side sends the frames.
    package enum Sender: Sendable {
        /// Must mask its frames.
        case client
        /// Must not mask its frames.
        case server
    }

    /// What the parser returns.
    package enum Element: Equatable, Sendable {
        case control(WebSocketFrame)
        /// A data frame begins; its payload follows, in at least one piece.
        case head(WebSocketFrameHead)
        /// A piece of a payload, unmasked.
        case payload(ByteBuffer, endsFrame: Bool)
    }

    private enum State {
        case betweenFrames
        case inFrame(left: Int, mask: WebSocketMask?, isFinal: Bool)
    }

    /// Which side sends the frames.
    package let sender: Sender
    /// Whether permessage-deflate was negotiated, so that RSV1 has a meaning.
    package let allowsCompression: Bool
    private var state = State.betweenFrames
    /// Whether a message has begun but not ended.
    package private(set) var isInMessage = false

    /// A parser for the frames of this side.
    package init(sender: Sender, allowsCompression: Bool) {
        self.sender = sender
        self.allowsCompression = allowsCompression
    }

    /// Consumes the next element of `bytes`; nil, with nothing consumed, when more bytes are needed.
    ///
    /// A frame that breaks a rule is refused as soon as its head shows it.
    package mutating func next(from bytes: inout ByteBuffer) throws(WebSocketError) -> Element? {
        switch state {
        case .betweenFrames: try nextFrame(from: &bytes)
        case .inFrame(let left, let mask, let isFinal): nextPayload(left, mask, isFinal, from: &bytes)
        }
    }

    private mutating func nextPayload(
        _ left: Int,
        _ mask: WebSocketMask?,
        _ isFinal: Bool,
        from bytes: inout ByteBuffer
    ) -> Element? {
        guard left == 0 || bytes.readableBytes > 0, var piece = bytes.readSlice(length: min(left, bytes.readableBytes))
        else { return nil }
        var mask = mask
        mask?.apply(to: &piece)
        let left = left - piece.readableBytes
        if left > 0 {
            state = .inFrame(left: left, mask: mask, isFinal: isFinal)
        } else {
            state = .betweenFrames
            if isFinal { isInMessage = false }
        }
        return .payload(piece, endsFrame: left == 0)
    }

    private mutating func nextFrame(from bytes: inout ByteBuffer) throws(WebSocketError) -> Element? {
        var rest = bytes
        guard let first = rest.readInteger(as: UInt8.self) else { return nil }
        var head = try head(first)
        guard let second = rest.readInteger(as: UInt8.self) else { return nil }
        let isMasked = second & 0x80 != 0
        guard isMasked == (sender == .client) else {
            let text = isMasked ? "a server's frame is masked" : "a client's frame is not masked"
            throw WebSocketError(.protocolError, text + " (RFC 6455, section 5.1)")
        }
        if head.opcode.isControl, second & 0x7f > 125 {
            throw WebSocketError(.protocolError, "a control frame is longer than 125 bytes")
        }
        guard let length = try length(second & 0x7f, from: &rest) else { return nil }
        head.length = length
        var mask: WebSocketMask?
        if isMasked {
            guard let key = rest.readInteger(as: UInt32.self) else { return nil }
            mask = WebSocketMask(key: key)
        }
        if head.opcode.isControl {
            guard var payload = rest.readSlice(length: length) else { return nil }
            mask?.apply(to: &payload)
            bytes = rest
            return .control(WebSocketFrame(opcode: head.opcode, payload: payload))
        }
        bytes = rest
        isInMessage = true
        state = .inFrame(left: length, mask: mask, isFinal: head.isFinal)
        return .head(head)
    }

    private func head(_ byte: UInt8) throws(WebSocketError) -> WebSocketFrameHead {
        guard let opcode = WebSocketFrameHead.Opcode(rawValue: byte & 0x0f) else {
            throw WebSocketError(.protocolError, "opcode \(byte & 0x0f) is reserved; allowed: 0 to 2, 8 to 10")
        }
        let begins = opcode == .text || opcode == .binary
        let isCompressed = byte & 0x40 != 0
        guard byte & 0x30 == 0, !isCompressed || (allowsCompression && begins) else {
            throw WebSocketError(.protocolError, "a reserved bit is set that no negotiated extension uses")
        }
        let isFinal = byte & 0x80 != 0
        switch (opcode, isInMessage) {
        case (.text, true), (.binary, true):
            throw WebSocketError(.protocolError, "a message begins before the last fragment of the one before it")
        case (.continuation, false):
            throw WebSocketError(.protocolError, "a continuation frame, but no message has begun")
        case (.close, _), (.ping, _), (.pong, _):
            guard isFinal else { throw WebSocketError(.protocolError, "a control frame is fragmented") }
        case (.text, false), (.binary, false), (.continuation, true):
            break
        }
        return WebSocketFrameHead(opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, length: 0)
    }

    /// The length of the payload, in the shortest form as section 5.2 requires; nil when more bytes are needed.
    private func length(_ short: UInt8, from bytes: inout ByteBuffer) throws(WebSocketError) -> Int? {
        let length: UInt64
        let least: UInt64
        switch short {
        case 126:
            guard let long = bytes.readInteger(as: UInt16.self) else { return nil }
            (length, least) = (UInt64(long), 126)
        case 127:
            guard let long = bytes.readInteger(as: UInt64.self) else { return nil }
            (length, least) = (long, 0x1_0000)
        default:
            (length, least) = (UInt64(short), 0)
        }
        guard length >= least, let length = Int(exactly: length) else {
            throw WebSocketError(.protocolError, "a frame's length is not in its shortest form, or above 2^63")
        }
        return length
    }
}
