import CBrotli
import NIOCore

/// The content coding br (RFC 7932).
enum Brotli {
    /// The compression level, as high as on-the-fly responses can afford; 11 is the maximum.
    private static let quality: Int32 = 5

    static func decode(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        guard let state = BrotliDecoderCreateInstance(nil, nil, nil) else { throw .failed(.br, "no memory") }
        defer { BrotliDecoderDestroyInstance(state) }
        return try bytes.withUnsafeReadableBytes { input throws(ContentCodingError) in
            try decode(input, with: state, limit: limit)
        }
    }

    private static func decode(
        _ input: UnsafeRawBufferPointer,
        with state: OpaquePointer,
        limit: Int
    ) throws(ContentCodingError) -> ByteBuffer {
        var output = BoundedOutput(limit: limit)
        var next = input.bindMemory(to: UInt8.self).baseAddress
        var rest = input.count
        while true {
            var result = BROTLI_DECODER_RESULT_ERROR
            try output.fill { space in
                var place = space.bindMemory(to: UInt8.self).baseAddress
                var free = space.count
                result = BrotliDecoderDecompressStream(state, &rest, &next, &free, &place, nil)
                return space.count - free
            }
            switch result {
            case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
                continue
            case BROTLI_DECODER_RESULT_SUCCESS where rest == 0:
                return output.bytes
            case BROTLI_DECODER_RESULT_SUCCESS:
                throw .malformed(.br, "\(rest) bytes after its end")
            case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
                throw .malformed(.br, "it ends too early")
            default:
                let code = BrotliDecoderGetErrorCode(state)
                throw .malformed(.br, BrotliDecoderErrorString(code).map { String(cString: $0) } ?? "error")
            }
        }
    }

    static func encode(_ bytes: ByteBuffer) throws(ContentCodingError) -> ByteBuffer {
        let bound = BrotliEncoderMaxCompressedSize(bytes.readableBytes)
        guard bound > 0 else { throw .failed(.br, "the content is too large") }
        var output = ByteBuffer()
        var isDone = false
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
            bytes.withUnsafeReadableBytes { input in
                var size = space.count
                let window = Int32(BROTLI_DEFAULT_WINDOW)
                isDone =
                    BrotliEncoderCompress(
                        quality,
                        window,
                        BROTLI_MODE_GENERIC,
                        input.count,
                        input.bindMemory(to: UInt8.self).baseAddress,
                        &size,
                        space.bindMemory(to: UInt8.self).baseAddress
                    ) == BROTLI_TRUE
                return isDone ? size : 0
            }
        }
        guard isDone else { throw .failed(.br, "no memory") }
        return output
    }
}
