package import AddonProtocol
package import NIOCore

/// Writes messages as HTTP/1 (RFC 9112). It writes what it is given: fields that frame the body are the caller's part.
package enum HTTP1Encoder {
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

    /// What stands before a chunk's `count` bytes; `count` must be over 0, as a chunk of 0 bytes ends the body.
    package static func writeChunkPrefix(count: Int, into buffer: inout ByteBuffer) {
        buffer.writeString(String(count, radix: 16))
        buffer.writeStaticString("\r\n")
    }

    /// What stands after a chunk's bytes.
    package static func writeChunkSuffix(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\n")
    }

    /// The end of a chunked body.
    package static func writeLastChunk(trailers: HeaderFields?, into buffer: inout ByteBuffer) {
        write(startLine: 3, trailers ?? HeaderFields(), into: &buffer) { $0.put("0\r\n") }
    }

    /// A line, the field lines and the empty line after them, all at once.
    ///
    /// - Parameters:
    ///   - count: how many bytes the first line has, its end included.
    ///   - putLine: puts these bytes.
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
    /// Copies to the front, for which there must be room, and goes on behind it.
    fileprivate mutating func put(_ bytes: some Collection<UInt8>) {
        copyBytes(from: bytes)
        self = UnsafeMutableRawBufferPointer(rebasing: self[bytes.count...])
    }

    fileprivate mutating func put(_ text: StaticString) {
        put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
