import AddonProtocol
import NIOCore

/// Writes messages as HTTP/1 (RFC 9112). It writes what it is given: fields that frame the body are the caller's part.
enum HTTP1Encoder {
    static func write(_ head: RequestHead, into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(
            minimumWritableBytes: head.method.utf8.count + head.target.count + 14 + head.fields.wireByteCount
        )
        buffer.writeString(head.method)
        buffer.writeInteger(UInt8(ascii: " "))
        buffer.writeBytes(head.target)
        buffer.writeInteger(UInt8(ascii: " "))
        buffer.writeString(head.version.name)
        buffer.writeStaticString("\r\n")
        writeFields(head.fields, into: &buffer)
    }

    static func write(_ head: ResponseHead, into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: head.reason.count + 17 + head.fields.wireByteCount)
        buffer.writeString(head.version.name)
        buffer.writeInteger(UInt8(ascii: " "))
        buffer.writeString(String(head.status))
        buffer.writeInteger(UInt8(ascii: " "))
        buffer.writeBytes(head.reason)
        buffer.writeStaticString("\r\n")
        writeFields(head.fields, into: &buffer)
    }

    /// What stands before a chunk's `count` bytes; `count` must be over 0, as a chunk of 0 bytes ends the body.
    static func writeChunkPrefix(count: Int, into buffer: inout ByteBuffer) {
        buffer.writeString(String(count, radix: 16))
        buffer.writeStaticString("\r\n")
    }

    /// What stands after a chunk's bytes.
    static func writeChunkSuffix(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\n")
    }

    /// The end of a chunked body.
    static func writeLastChunk(trailers: HeaderFields?, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("0\r\n")
        writeFields(trailers ?? HeaderFields(), into: &buffer)
    }

    /// The field lines and the empty line after them.
    private static func writeFields(_ fields: HeaderFields, into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: fields.wireByteCount) { fields.writeWire(to: $0) }
        buffer.writeStaticString("\r\n")
    }
}
