import NIOCore

/// Joins the frames of one direction to messages (RFC 6455, section 5.4); control frames may come between fragments.
struct WebSocketAssembler: Sendable {
    enum Part: Equatable, Sendable {
        case message(WebSocketPayload)
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        case close(WebSocketClose)
    }

    /// The largest message, in bytes.
    let limit: Int
    private var open: WebSocketPayload?

    init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: what the frame completes; nil when it is a fragment that more have to follow.
    mutating func add(_ frame: WebSocketFrame) throws(WebSocketError) -> Part? {
        switch frame.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong(frame.payload)
        case .close: return .close(try WebSocketClose(frame.payload))
        case .text: return try begin(.text, frame)
        case .binary: return try begin(.binary, frame)
        case .continuation: return try go(on: frame)
        }
    }

    private mutating func begin(_ type: WebSocketPayload.Kind, _ frame: WebSocketFrame) throws(WebSocketError) -> Part?
    {
        guard open == nil else {
            throw WebSocketError(.protocolError, "a message begins before the last fragment of the one before it")
        }
        let payload = WebSocketPayload(type: type, isCompressed: frame.isCompressed, content: frame.payload)
        return try take(payload, isFinal: frame.isFinal)
    }

    private mutating func go(on frame: WebSocketFrame) throws(WebSocketError) -> Part? {
        guard var payload = open else {
            throw WebSocketError(.protocolError, "a continuation frame, but no message has begun")
        }
        open = nil
        guard frame.payload.readableBytes <= limit - payload.content.readableBytes else { throw tooBig }
        payload.content.writeImmutableBuffer(frame.payload)
        return try take(payload, isFinal: frame.isFinal)
    }

    private mutating func take(_ payload: WebSocketPayload, isFinal: Bool) throws(WebSocketError) -> Part? {
        guard payload.content.readableBytes <= limit else { throw tooBig }
        guard isFinal else {
            open = payload
            return nil
        }
        if payload.type == .text, !payload.isCompressed, !payload.content.isUTF8 {
            throw WebSocketError(.invalidPayload, "a text message is not UTF-8")
        }
        return .message(payload)
    }

    private var tooBig: WebSocketError {
        WebSocketError(.messageTooBig, "a message of more than \(limit) bytes")
    }
}

/// A message's content as it was sent; still compressed where its first frame says so.
struct WebSocketPayload: Equatable, Sendable {
    enum Kind: String, Sendable {
        case text, binary
    }

    var type: Kind
    var isCompressed = false
    var content: ByteBuffer
}

/// The body of a close frame (RFC 6455, section 5.5.1).
struct WebSocketClose: Equatable, Sendable {
    /// nil when the frame has no body, for which section 7.1.5 has the code 1005.
    let code: UInt16?
    let reason: ByteBuffer

    init(_ payload: ByteBuffer) throws(WebSocketError) {
        var rest = payload
        guard rest.readableBytes > 0 else {
            (code, reason) = (nil, rest)
            return
        }
        guard let code = rest.readInteger(as: UInt16.self) else {
            throw WebSocketError(.protocolError, "a close frame of one byte")
        }
        guard Self.mayBeSent(code) else {
            throw WebSocketError(.protocolError, "close code \(code) may not be sent (RFC 6455, section 7.4)")
        }
        guard rest.isUTF8 else { throw WebSocketError(.invalidPayload, "a close reason is not UTF-8") }
        self.code = code
        reason = rest
    }

    /// The codes of section 7.4 and its registry; 1004 to 1006 and 1015 never are on the wire.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension ByteBuffer {
    fileprivate var isUTF8: Bool {
        withUnsafeReadableBytes { String(validating: $0, as: UTF8.self) != nil }
    }
}
