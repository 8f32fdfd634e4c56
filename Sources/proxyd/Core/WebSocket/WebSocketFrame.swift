import NIOCore

/// One frame of RFC 6455, section 5.2, its payload unmasked.
struct WebSocketFrame: Equatable, Sendable {
    enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xa

        var isControl: Bool { rawValue >= 0x8 }
    }

    var opcode: Opcode
    var isFinal = true
    /// RSV1: the message is compressed (RFC 7692, section 6).
    var isCompressed = false
    var payload: ByteBuffer

    /// Writes the frame.
    ///
    /// - Parameter key: the masking key of a frame that goes to a server; nil towards a client (section 5.3).
    func write(into buffer: inout ByteBuffer, maskedWith key: WebSocketMask?) {
        buffer.writeInteger((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        let maskBit: UInt8 = key == nil ? 0 : 0x80
        switch payload.readableBytes {
        case ...125:
            buffer.writeInteger(maskBit | UInt8(payload.readableBytes))
        case ...0xffff:
            buffer.writeInteger(maskBit | 126)
            buffer.writeInteger(UInt16(payload.readableBytes))
        default:
            buffer.writeInteger(maskBit | 127)
            buffer.writeInteger(UInt64(payload.readableBytes))
        }
        guard let key else {
            buffer.writeImmutableBuffer(payload)
            return
        }
        var masked = payload
        key.apply(to: &masked)
        buffer.writeInteger(key.value)
        buffer.writeBuffer(&masked)
    }
}

/// A masking key (RFC 6455, section 5.3); applying it twice gives back what was there.
struct WebSocketMask: Equatable, Sendable {
    /// The key as it is on the wire, in network order.
    let value: UInt32

    static func random() -> WebSocketMask {
        var generator = SystemRandomNumberGenerator()
        return WebSocketMask(value: UInt32.random(in: .min ... .max, using: &generator))
    }

    func apply(to payload: inout ByteBuffer) {
        let key = value.bigEndian
        payload.withUnsafeMutableReadableBytes { bytes in
            let words = bytes.count / 4
            for word in 0..<words {
                let plain = bytes.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self)
                bytes.storeBytes(of: plain ^ key, toByteOffset: word * 4, as: UInt32.self)
            }
            for index in words * 4..<bytes.count {
                bytes[index] ^= UInt8(truncatingIfNeeded: value >> UInt32(24 - index % 4 * 8))
            }
        }
    }
}

/// A violation of RFC 6455, with the code that the connection is closed with (section 7.4.1).
struct WebSocketError: Error, Equatable, Sendable {
    enum Code: UInt16, Sendable {
        case protocolError = 1002
        case invalidPayload = 1007
        case messageTooBig = 1009
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
