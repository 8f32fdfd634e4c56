import CZlib
import NIOCore

/// The content codings gzip (RFC 1952) and deflate (RFC 1950, and RFC 1951 as some servers send it).
enum Zlib {
    enum Format: Int32, Sendable {
        case gzip = 31
        case zlib = 15
        /// Deflate data without a header or trailer.
        case raw = -15
    }

    /// Decodes one member after another, up to the end of the bytes.
    static func gunzip(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        try inflate(bytes, as: .gzip, of: .gzip, limit: limit)
    }

    /// Decodes data with the zlib header that RFC 9110, section 8.4.1.2, requires, or without it.
    static func inflate(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        try inflate(bytes, as: hasZlibHeader(bytes) ? .zlib : .raw, of: .deflate, limit: limit)
    }

    /// Whether CM is 8, CINFO is at most 7, and the two bytes are a multiple of 31 (RFC 1950, section 2.2).
    private static func hasZlibHeader(_ bytes: ByteBuffer) -> Bool {
        guard let header = bytes.getInteger(at: bytes.readerIndex, as: UInt16.self) else { return false }
        return header >> 8 & 0x0f == 8 && header >> 12 <= 7 && header % 31 == 0
    }

    private static func inflate(
        _ bytes: ByteBuffer,
        as format: Format,
        of coding: ContentCoding,
        limit: Int
    ) throws(ContentCodingError) -> ByteBuffer {
        try withStream { stream throws(ContentCodingError) in
            let size = Int32(MemoryLayout<z_stream>.size)
            guard inflateInit2_(stream, format.rawValue, ZLIB_VERSION, size) == Z_OK else {
                throw .failed(coding, "no memory")
            }
            defer { inflateEnd(stream) }
            return try bytes.withUnsafeReadableBytes { input throws(ContentCodingError) in
                try inflate(input, with: stream, of: coding, limit: limit)
            }
        }
    }

    private static func inflate(
        _ input: UnsafeRawBufferPointer,
        with stream: UnsafeMutablePointer<z_stream>,
        of coding: ContentCoding,
        limit: Int
    ) throws(ContentCodingError) -> ByteBuffer {
        var output = BoundedOutput(limit: limit)
        var taken = 0
        while true {
            var status = Z_OK
            taken += try feed(stream, input, from: taken) { stream throws(ContentCodingError) in
                try output.fill { space in
                    fill(stream, space) { status = CZlib.inflate(stream, Z_NO_FLUSH) }
                }
            }
            switch status {
            case Z_STREAM_END where taken == input.count:
                return output.bytes
            case Z_STREAM_END where coding == .gzip:
                inflateReset(stream)
            case Z_STREAM_END:
                throw .malformed(coding, "\(input.count - taken) bytes after its end")
            case Z_OK where taken < input.count || stream.pointee.avail_out == 0:
                continue
            case Z_OK, Z_BUF_ERROR:
                throw .malformed(coding, "it ends too early")
            default:
                throw .malformed(coding, stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)")
            }
        }
    }

    static func deflate(_ bytes: ByteBuffer, as format: Format) throws(ContentCodingError) -> ByteBuffer {
        let coding: ContentCoding = format == .gzip ? .gzip : .deflate
        return try withStream { stream throws(ContentCodingError) in
            let size = Int32(MemoryLayout<z_stream>.size)
            let status = deflateInit2_(
                stream,
                Z_DEFAULT_COMPRESSION,
                Z_DEFLATED,
                format.rawValue,
                8,
                Z_DEFAULT_STRATEGY,
                ZLIB_VERSION,
                size
            )
            guard status == Z_OK else { throw .failed(coding, "no memory") }
            defer { deflateEnd(stream) }
            return try bytes.withUnsafeReadableBytes { input throws(ContentCodingError) in
                try deflate(input, with: stream, as: coding)
            }
        }
    }

    private static func deflate(
        _ input: UnsafeRawBufferPointer,
        with stream: UnsafeMutablePointer<z_stream>,
        as coding: ContentCoding
    ) throws(ContentCodingError) -> ByteBuffer {
        var output = BoundedOutput(limit: .max)
        var taken = 0
        while true {
            var status = Z_OK
            taken += try feed(stream, input, from: taken) { stream throws(ContentCodingError) in
                let isLast = Int(stream.pointee.avail_in) == input.count - taken
                try output.fill { space in
                    fill(stream, space) { status = CZlib.deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH) }
                }
            }
            switch status {
            case Z_STREAM_END: return output.bytes
            case Z_OK, Z_BUF_ERROR: continue
            default: throw .failed(coding, "error \(status)")
            }
        }
    }
}

extension Zlib {
    /// zlib keeps pointers to its stream, so the stream must not move.
    private static func withStream<Result>(
        _ body: (UnsafeMutablePointer<z_stream>) throws(ContentCodingError) -> Result
    ) throws(ContentCodingError) -> Result {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        defer { stream.deallocate() }
        return try body(stream)
    }

    /// Offers the input from `start` on, up to what zlib can count; returns how much was consumed.
    private static func feed(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ input: UnsafeRawBufferPointer,
        from start: Int,
        _ body: (UnsafeMutablePointer<z_stream>) throws(ContentCodingError) -> Void
    ) throws(ContentCodingError) -> Int {
        let offered = min(input.count - start, Int(UInt32.max))
        let bytes = input.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.next_in = bytes.map { UnsafeMutablePointer(mutating: $0 + start) }
        stream.pointee.avail_in = UInt32(offered)
        try body(stream)
        return offered - Int(stream.pointee.avail_in)
    }

    /// Offers `space` for output; returns how much was filled.
    private static func fill(
        _ stream: UnsafeMutablePointer<z_stream>,
        _ space: UnsafeMutableRawBufferPointer,
        _ body: () -> Void
    ) -> Int {
        let offered = min(space.count, Int(UInt32.max))
        stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(offered)
        body()
        return offered - Int(stream.pointee.avail_out)
    }
}
