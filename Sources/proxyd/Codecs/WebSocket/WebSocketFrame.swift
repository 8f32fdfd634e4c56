package import NIOCore

/// The head of a frame (RFC 6455, section 5.2), without its masking key.
package struct WebSocketFrameHead: Equatable, Sendable {
    /// The longest head with its masking key, in bytes.
    package static let maximumBytes = 14

    /// The kind of frame (section 5.2).
    package enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xa

        var isControl: Bool { rawValue >= 0x8 }
    }

    /// The kind of frame.
    package var opcode: Opcode
    /// Whether this is the last frame of its message.
    package var isFinal = true
    /// RSV1 of a message's first frame: whether the message is compressed (RFC 7692, section 6).
    package var isCompressed = false
    /// The length of the payload, in bytes.
    package var length: Int

    /// A head with these parts.
    package init(opcode: Opcode, isFinal: Bool = true, isCompressed: Bool = false, length: Int) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.length = length
    }

    /// - Parameter mask: the masking key of a frame to a server; nil for a frame to a client (section 5.3).
    package func write(into buffer: inout ByteBuffer, maskedWith mask: WebSocketMask?) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.maximumBytes) { write(to: $0, maskedWith: mask) }
    }

    /// - Returns: the number of bytes written.
    fileprivate func write(to space: UnsafeMutableRawBufferPointer, maskedWith mask: WebSocketMask?) -> Int {
        space[0] = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        var count = 2
        switch length {
        case ...125:
            space[1] = maskBit | UInt8(length)
        case ...0xffff:
            space[1] = maskBit | 126
            space.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
            count = 4
        default:
            space[1] = maskBit | 127
            space.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
            count = 10
        }
        guard let mask else { return count }
        space.storeBytes(of: mask.key.bigEndian, toByteOffset: count, as: UInt32.self)
        return count + 4
    }
}

/// A complete frame with its payload unmasked.
package struct WebSocketFrame: Equatable, Sendable {
    /// The kind of frame.
    package var opcode: WebSocketFrameHead.Opcode
    /// Whether this is the last frame of its message.
    package var isFinal = true
    /// RSV1 of a message's first frame: whether the message is compressed.
    package var isCompressed = false
    /// The payload, unmasked.
    package var payload: ByteBuffer

    /// A frame with these parts.
    package init(
        opcode: WebSocketFrameHead.Opcode,
        isFinal: Bool = true,
        isCompressed: Bool = false,
        payload: ByteBuffer
    ) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.payload = payload
    }

    /// Writes the frame; `mask` is the masking key of a frame to a server.
    package func write(into buffer: inout ByteBuffer, maskedWith mask: WebSocketMask?) {
        let head = WebSocketFrameHead(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: isCompressed,
            length: payload.readableBytes
        )
        let room = WebSocketFrameHead.maximumBytes + payload.readableBytes
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
            let start = head.write(to: space, maskedWith: mask)
            let copy = UnsafeMutableRawBufferPointer(rebasing: space[start..<start + payload.readableBytes])
            payload.withUnsafeReadableBytes { copy.copyMemory(from: $0) }
            mask?.apply(to: copy)
            return start + copy.count
        }
    }
}

/// A masking key (RFC 6455, section 5.3), with its position in a frame's payload.
package struct WebSocketMask: Equatable, Sendable {
    /// The key as on the wire, in network order.
    package let key: UInt32
    /// The key rotated to the next byte.
    private var rest: UInt32

    /// A key at the start of a payload.
    package init(key: UInt32) {
        self.key = key
        rest = key
    }

    /// Masks or unmasks the next piece of a frame's payload.
    package mutating func apply(to payload: inout ByteBuffer) {
        payload.withUnsafeMutableReadableBytes { apply(to: $0) }
        let shift = UInt32(payload.readableBytes & 3) * 8
        if shift > 0 { rest = rest << shift | rest >> (32 - shift) }
    }

    /// Masks the last piece of a frame.
    fileprivate func apply(to bytes: UnsafeMutableRawBufferPointer) {
        let word = rest.bigEndian
        let end = bytes.count & ~3
        for offset in stride(from: 0, to: end, by: 4) {
            let plain = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            bytes.storeBytes(of: plain ^ word, toByteOffset: offset, as: UInt32.self)
        }
        for offset in end..<bytes.count {
            bytes[offset] ^= UInt8(truncatingIfNeeded: rest >> UInt32(24 - (offset - end) * 8))
        }
    }
}

/// A violation of RFC 6455, with the code to close the connection with (section 7.4.1).
package struct WebSocketError: Error, Equatable, Sendable {
    /// Close codes.
    package enum Code: UInt16, Sendable {
        case protocolError = 1002
        case invalidPayload = 1007
        case messageTooBig = 1009
        case internalError = 1011
        /// From the IANA registry, not RFC 6455.
        case tryAgainLater = 1013
    }

    /// The code to close the connection with.
    package let code: Code
    /// What is wrong, for people.
    package let message: String

    /// A violation with this close code and this message.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
