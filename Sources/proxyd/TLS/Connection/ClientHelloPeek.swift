package import NIOCore

/// What a client's first bytes contain of a ClientHello. They are not consumed, since they may yet be forwarded unchanged.
package enum ClientHelloPeek: Sendable, Hashable {
    /// The message has begun, and is valid so far.
    case incomplete
    case complete(ClientHello)
    /// Not a ClientHello, or one longer than `limit`.
    case malformed

    /// The largest ClientHello, in bytes.
    package static let limit = 64 * 1024

    private static let handshake: UInt8 = 22
    private static let clientHello: UInt8 = 1
    private static let headerBytes = 4

    /// - Parameter bytes: TLS records (RFC 8446, section 5.1) from the first one on; the message may span several.
    package init(_ bytes: ByteBuffer) {
        guard var message = Self.handshakeBytes(bytes) else {
            self = .malformed
            return
        }
        guard let header = message.getInteger(at: message.readerIndex, as: UInt32.self) else {
            self = message.readableBytesView.first ?? Self.clientHello == Self.clientHello ? .incomplete : .malformed
            return
        }
        let count = Self.headerBytes + Int(header & 0xFF_FFFF)
        guard UInt8(header >> 24) == Self.clientHello, count <= Self.limit else {
            self = .malformed
            return
        }
        guard let hello = message.readSlice(length: count) else {
            self = .incomplete
            return
        }
        self = hello.withUnsafeReadableBytes { ClientHello(message: $0) }.map { .complete($0) } ?? .malformed
    }

    /// The content of the handshake records that have arrived, up to the first record of another type; nil when that is
    /// the first record.
    private static func handshakeBytes(_ bytes: ByteBuffer) -> ByteBuffer? {
        var bytes = bytes
        var message = ByteBuffer()
        var isFirst = true
        while let type = bytes.readInteger(as: UInt8.self) {
            guard type == handshake else { return isFirst ? nil : message }
            isFirst = false
            guard bytes.readInteger(as: UInt16.self) != nil, let count = bytes.readInteger(as: UInt16.self),
                let fragment = bytes.readSlice(length: min(Int(count), bytes.readableBytes))
            else { break }
            message.writeImmutableBuffer(fragment)
        }
        return message
    }
}
