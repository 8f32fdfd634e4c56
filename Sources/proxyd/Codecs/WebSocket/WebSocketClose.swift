package import NIOCore

/// The body of a close frame (RFC 6455, section 5.5.1).
package struct WebSocketClose: Equatable, Sendable {
    /// nil when the frame has no body.
    package let code: UInt16?
    /// Why the connection is closed; UTF-8, and may be empty.
    package let reason: ByteBuffer

    /// Parses the payload of a close frame.
    package init(_ payload: ByteBuffer) throws(WebSocketError) {
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

    /// Whether the code is allowed on the wire (section 7.4 and its registry); 1004 to 1006 and 1015 are not.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The code of a close frame without a code (section 7.1.5).
    package static let noCode = 1005
    /// The code of an end without a close frame.
    package static let abnormal = 1006
    /// The code of an endpoint that goes away.
    package static let goingAway = 1001

    /// The payload of a close frame with this code, and as much of the reason as fits into a control frame.
    package static func payload(_ code: Int, _ reason: String) -> ByteBuffer {
        var text = reason
        while text.utf8.count > 123 { text.removeLast() }
        var payload = ByteBuffer()
        payload.writeInteger(UInt16(truncatingIfNeeded: code))
        payload.writeString(text)
        return payload
    }
}

extension ByteBuffer {
    /// Whether the bytes are valid UTF-8.
    package var isUTF8: Bool {
        withUnsafeReadableBytes { bytes in
            var validator = UTF8Validator()
            return validator.take(bytes) && validator.isComplete
        }
    }
}
