import CZlib
import NIOCore

/// Decompresses the messages of one direction by permessage-deflate (RFC 7692, section 7.2.2).
package final class WebSocketInflater: @unchecked Sendable {
    private let stream: UnsafeMutablePointer<z_stream>
    private let forgetsContext: Bool
    private let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 16)

    /// nil: out of memory.
    package init?(_ coding: PerMessageDeflate.Coding) {
        forgetsContext = coding.forgetsContext
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, -15, ZLIB_VERSION, size) == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        space.deallocate()
    }

    /// Decompresses the next piece of a message, and passes the result to `take` in pieces.
    func inflate(
        _ compressed: ByteBuffer,
        _ take: (UnsafeRawBufferPointer) throws(WebSocketError) -> Void
    ) throws(WebSocketError) {
        var rest = compressed
        while let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 20)), piece.readableBytes > 0 {
            try piece.withUnsafeReadableBytes { bytes throws(WebSocketError) in try inflate(bytes, take) }
        }
    }

    private func inflate(
        _ bytes: UnsafeRawBufferPointer,
        _ take: (UnsafeRawBufferPointer) throws(WebSocketError) -> Void
    ) throws(WebSocketError) {
        stream.pointee.next_in = bytes.bindMemory(to: UInt8.self).baseAddress.map { UnsafeMutablePointer(mutating: $0) }
        stream.pointee.avail_in = UInt32(bytes.count)
        while true {
            stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(space.count)
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let made = space.count - Int(stream.pointee.avail_out)
            if made > 0 { try take(UnsafeRawBufferPointer(rebasing: space[..<made])) }
            switch status {
            case Z_STREAM_END: inflateReset(stream)
            case Z_OK: break
            case Z_BUF_ERROR: return
            default: throw Self.malformed
            }
            if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { return }
        }
    }

    /// Decompresses the end of a message.
    package func end(_ take: (UnsafeRawBufferPointer) throws(WebSocketError) -> Void) throws(WebSocketError) {
        try inflate(ByteBuffer(bytes: [0, 0, 0xff, 0xff]), take)
        guard stream.pointee.data_type & 128 != 0 else { throw Self.malformed }
        if forgetsContext { inflateReset(stream) }
    }

    private static let malformed = WebSocketError(.invalidPayload, "a compressed message is not deflate data")
}
