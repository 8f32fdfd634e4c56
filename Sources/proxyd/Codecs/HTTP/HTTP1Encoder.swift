package import AddonProtocol
package import NIOCore

/// Writes messages as HTTP/1 (RFC 9112). It writes exactly what it is given; the caller sets the fields that frame the body.
package enum HTTP1Encoder {
    /// Writes a request's head.
    package static func write(_ head: RequestHead, into buffer: inout ByteBuffer) {
        let version = head.version.name.utf8
        let count = head.method.utf8.count + head.target.count + version.count + 4
        write(startLine: count, head.fields, into: &buffer) { line in
            line.put(head.method.utf8)
            line.put(" ")
            line.put(head.target)
            line.put(" ")
            line.put(version)
            line.put("\r\n")
        }
    }

    /// Writes a response's head.
    package static func write(_ head: ResponseHead, into buffer: inout ByteBuffer) {
        let (version, status) = (head.version.name.utf8, String(head.status).utf8)
        let count = version.count + status.count + head.reason.count + 4
        write(startLine: count, head.fields, into: &buffer) { line in
            line.put(version)
            line.put(" ")
            line.put(status)
            line.put(" ")
            line.put(head.reason)
            line.put("\r\n")
        }
    }

    /// Writes the line before a chunk of `count` bytes; `count` must be positive, since a chunk of 0 bytes ends the body.
    package static func writeChunkPrefix(count: Int, into buffer: inout ByteBuffer) {
        buffer.writeString(String(count, radix: 16))
        buffer.writeStaticString("\r\n")
    }

    /// Writes what follows a chunk's bytes.
    package static func writeChunkSuffix(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\n")
    }

    /// Writes the end of a chunked body.
    package static func writeLastChunk(trailers: HeaderFields?, into buffer: inout ByteBuffer) {
        write(startLine: 3, trailers ?? HeaderFields(), into: &buffer) { $0.put("0\r\n") }
    }

    /// Writes a line, the field lines and the empty line after them in one go.
    ///
    /// - Parameters:
    ///   - count: the length of the first line in bytes, including its end.
    ///   - putLine: writes the first line.
    @inline(__always)
    private static func write(
        startLine count: Int,
        _ fields: HeaderFields,
        into buffer: inout ByteBuffer,
        _ putLine: (inout UnsafeMutableRawBufferPointer) -> Void
    ) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count + fields.wireByteCount + 2) { space in
            var rest = space
            putLine(&rest)
            rest = UnsafeMutableRawBufferPointer(rebasing: rest[fields.writeWire(to: rest)...])
            rest.put("\r\n")
            return space.count - rest.count
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies the bytes to the front, where there must be room for them, and advances.
    fileprivate mutating func put(_ bytes: some Collection<UInt8>) {
        copyBytes(from: bytes)
        self = UnsafeMutableRawBufferPointer(rebasing: self[bytes.count...])
    }

    fileprivate mutating func put(_ text: StaticString) {
        put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
