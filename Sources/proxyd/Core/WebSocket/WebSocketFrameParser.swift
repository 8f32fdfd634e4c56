import NIOCore

/// Takes the frames that one side sends from its bytes, however these are split; strict (RFC 6455, section 5).
struct WebSocketFrameParser: Sendable {
    enum Sender: Sendable {
        /// Has to mask its frames.
        case client
        /// Must not mask its frames.
        case server
    }

    let sender: Sender
    /// The largest payload of a frame, in bytes.
    let limit: Int
    /// Whether permessage-deflate was negotiated, so that RSV1 has a meaning.
    let allowsCompression: Bool

    /// The next frame, taken out of `bytes`; nil, and nothing taken, when more is needed.
    ///
    /// A frame that breaks a rule is refused as soon as its head shows it, before its payload is waited for.
    func next(from bytes: inout ByteBuffer) throws(WebSocketError) -> WebSocketFrame? {
        var rest = bytes
        guard let first = rest.readInteger(as: UInt8.self), let second = rest.readInteger(as: UInt8.self) else {
            return nil
        }
        var frame = try head(first)
        let isMasked = second & 0x80 != 0
        guard isMasked == (sender == .client) else {
            let text = isMasked ? "a server's frame is masked" : "a client's frame is not masked"
            throw WebSocketError(.protocolError, text + " (RFC 6455, section 5.1)")
        }
        try checkControl(frame, length: second & 0x7f)
        guard let length = try length(second & 0x7f, from: &rest) else { return nil }
        var mask: WebSocketMask?
        if isMasked {
            guard let key = rest.readInteger(as: UInt32.self) else { return nil }
            mask = WebSocketMask(value: key)
        }
        guard let payload = rest.readSlice(length: length) else { return nil }
        frame.payload = payload
        mask?.apply(to: &frame.payload)
        bytes = rest
        return frame
    }

    private func head(_ byte: UInt8) throws(WebSocketError) -> WebSocketFrame {
        guard let opcode = WebSocketFrame.Opcode(rawValue: byte & 0x0f) else {
            throw WebSocketError(.protocolError, "opcode \(byte & 0x0f) is reserved; allowed: 0 to 2, 8 to 10")
        }
        let isCompressed = byte & 0x40 != 0
        let mayBeCompressed = allowsCompression && (opcode == .text || opcode == .binary)
        guard byte & 0x30 == 0, !isCompressed || mayBeCompressed else {
            throw WebSocketError(.protocolError, "a reserved bit is set that no negotiated extension uses")
        }
        return WebSocketFrame(
            opcode: opcode,
            isFinal: byte & 0x80 != 0,
            isCompressed: isCompressed,
            payload: ByteBuffer()
        )
    }

    private func checkControl(_ frame: WebSocketFrame, length: UInt8) throws(WebSocketError) {
        guard frame.opcode.isControl else { return }
        guard frame.isFinal else { throw WebSocketError(.protocolError, "a control frame is fragmented") }
        guard length <= 125 else {
            throw WebSocketError(.protocolError, "a control frame is longer than 125 bytes")
        }
    }

    /// The payload's length, in the shortest form as section 5.2 demands; nil when more is needed.
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
        guard length >= least, length <= UInt64(Int.max) else {
            throw WebSocketError(.protocolError, "a frame's length is not in its shortest form, or above 2^63")
        }
        guard length <= UInt64(limit) else {
            throw WebSocketError(.messageTooBig, "a frame of \(length) bytes; allowed: \(limit)")
        }
        return Int(length)
    }
}
