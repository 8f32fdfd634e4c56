package import NIOCore

/// What a frame begins with (RFC 6455, section 5.2), without its masking key.
package struct WebSocketFrameHead: Equatable, Sendable {
    /// The longest head with its masking key, in bytes.
    package static let maximumBytes = 14

    package enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xa

        var isControl: Bool { rawValue >= 0x8 }
    }

    package var opcode: Opcode
    package var isFinal = true
    /// RSV1 of a message's first frame: the message is compressed (RFC 7692, section 6).
    package var isCompressed = false
    /// Of the payload, in bytes.
    package var length: Int

    package init(opcode: Opcode, isFinal: Bool = true, isCompressed: Bool = false, length: Int) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.length = length
    }

    /// - Parameter mask: the masking key of a frame that goes to a server; nil towards a client (section 5.3).
    package func write(into buffer: inout ByteBuffer, maskedWith mask: WebSocketMask?) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.maximumBytes) { write(to: $0, maskedWith: mask) }
    }

    /// - Returns: how many bytes it has written.
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

/// A frame that is all there, its payload unmasked.
package struct WebSocketFrame: Equatable, Sendable {
    package var opcode: WebSocketFrameHead.Opcode
    package var isFinal = true
    package var isCompressed = false
    package var payload: ByteBuffer

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

/// A masking key (RFC 6455, section 5.3) and how far into its frame it has come.
package struct WebSocketMask: Equatable, Sendable {
    /// As it is on the wire, in network order.
    package let key: UInt32
    /// The key from the next byte on.
    private var rest: UInt32

    package init(key: UInt32) {
        self.key = key
        rest = key
    }

    /// Masks the next of a frame's payload, or unmasks it.
    package mutating func apply(to payload: inout ByteBuffer) {
        payload.withUnsafeMutableReadableBytes { apply(to: $0) }
        let shift = UInt32(payload.readableBytes & 3) * 8
        if shift > 0 { rest = rest << shift | rest >> (32 - shift) }
    }

    /// Masks what is the last of its frame.
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

/// A violation of RFC 6455, with the code that the connection is closed with (section 7.4.1).
package struct WebSocketError: Error, Equatable, Sendable {
    package enum Code: UInt16, Sendable {
        case protocolError = 1002
        case invalidPayload = 1007
        case messageTooBig = 1009
        case internalError = 1011
        /// Not in RFC 6455 but in the registry of IANA.
        case tryAgainLater = 1013
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
