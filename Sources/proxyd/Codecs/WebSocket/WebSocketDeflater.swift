import CZlib
package import NIOCore

/// Compresses the messages of one direction by permessage-deflate (RFC 7692, section 7.2.1).
package final class WebSocketDeflater: @unchecked Sendable {
    private let stream: UnsafeMutablePointer<z_stream>
    private let forgetsContext: Bool
    /// Whether the receiver's context now matches this compressor's, and no longer the sender's.
    package private(set) var hasContext = false

    /// nil: out of memory.
    package init?(_ coding: PerMessageDeflate.Coding) {
        forgetsContext = coding.forgetsContext
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // zlib has no raw window of 2^8; with one of 2^9 it looks back at most 250 bytes, which fits.
        let status = deflateInit2_(
            stream,
            Z_DEFAULT_COMPRESSION,
            Z_DEFLATED,
            -Int32(max(coding.windowBits, 9)),
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard status == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The payload for a message. Calls must not overlap.
    package func deflate(_ content: ByteBuffer) -> ByteBuffer {
        // Two flushes in a row produce nothing, so empty content has a form of its own (section 7.2.3.6).
        guard content.readableBytes > 0 else { return ByteBuffer(bytes: [0]) }
        var output = ByteBuffer()
        var rest = content
        while let piece = rest.readSlice(length: min(rest.readableBytes, 1 << 20)), piece.readableBytes > 0 {
            piece.withUnsafeReadableBytes { deflate($0, isLast: rest.readableBytes == 0, into: &output) }
        }
        output.moveWriterIndex(to: output.writerIndex - min(4, output.readableBytes))
        if forgetsContext { deflateReset(stream) } else { hasContext = true }
        return output
    }

    private func deflate(_ bytes: UnsafeRawBufferPointer, isLast: Bool, into output: inout ByteBuffer) {
        stream.pointee.next_in = bytes.bindMemory(to: UInt8.self).baseAddress.map { UnsafeMutablePointer(mutating: $0) }
        stream.pointee.avail_in = UInt32(bytes.count)
        var isFull = true
        while isFull {
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 1024) { space in
                let offered = min(space.count, 1 << 20)
                stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                stream.pointee.avail_out = UInt32(offered)
                _ = CZlib.deflate(stream, isLast ? Z_SYNC_FLUSH : Z_NO_FLUSH)
                isFull = stream.pointee.avail_out == 0
                return offered - Int(stream.pointee.avail_out)
            }
        }
    }
}
