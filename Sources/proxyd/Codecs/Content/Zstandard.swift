import CZstd
import NIOCore

/// The content coding zstd (RFC 8878), with a window of at most 8 MiB, the limit of RFC 9659 for content.
enum Zstandard {
    private static let windowLogMax: Int32 = 23
    private static let level: Int32 = 3

    /// Decodes one frame after another, up to the end of the bytes.
    static func decode(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        guard let context = ZSTD_createDCtx() else { throw .failed(.zstd, "no memory") }
        defer { ZSTD_freeDCtx(context) }
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogMax)
        return try bytes.withUnsafeReadableBytes { input throws(ContentCodingError) in
            try decode(input, with: context, limit: limit)
        }
    }

    private static func decode(
        _ bytes: UnsafeRawBufferPointer,
        with context: OpaquePointer,
        limit: Int
    ) throws(ContentCodingError) -> ByteBuffer {
        var output = BoundedOutput(limit: limit)
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var result = 0
            var isFull = false
            try output.fill { space in
                var buffer = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                result = ZSTD_decompressStream(context, &buffer, &input)
                isFull = buffer.pos == buffer.size
                return buffer.pos
            }
            guard ZSTD_isError(result) == 0 else {
                throw .malformed(.zstd, String(cString: ZSTD_getErrorName(result)))
            }
            if input.pos < input.size || (isFull && result > 0) { continue }
            guard result == 0, bytes.count > 0 else { throw .malformed(.zstd, "it ends too early") }
            return output.bytes
        }
    }

    static func encode(_ bytes: ByteBuffer) throws(ContentCodingError) -> ByteBuffer {
        var output = ByteBuffer()
        var result = 0
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: ZSTD_compressBound(bytes.readableBytes)) { space in
            bytes.withUnsafeReadableBytes { input in
                result = ZSTD_compress(space.baseAddress, space.count, input.baseAddress, input.count, level)
                return ZSTD_isError(result) == 0 ? result : 0
            }
        }
        guard ZSTD_isError(result) == 0 else { throw .failed(.zstd, String(cString: ZSTD_getErrorName(result))) }
        return output
    }
}
