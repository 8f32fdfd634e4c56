import AddonProtocol
import NIOCore
import ProxyCodecs

/// Writes bodies as their framing has it.
extension ByteStream {
    /// A head, and the whole body behind it.
    func write(body: ByteBuffer, framing: BodyFraming, trailers: HeaderFields?, after head: ByteBuffer) {
        var head = head
        if framing == .chunked, body.readableBytes > 0 {
            HTTP1Encoder.writeChunkPrefix(count: body.readableBytes, into: &head)
        }
        write(head)
        if framing != .none, body.readableBytes > 0 { write(body) }
        guard framing == .chunked else { return }
        if body.readableBytes > 0 { write(ByteBuffer(staticString: "\r\n")) }
        writeEnd(trailers: trailers)
    }

    /// A part of a body. One without bytes is passed over: as a chunk it would be the last.
    func write(_ part: ByteBuffer, framing: BodyFraming) {
        guard part.readableBytes > 0 else { return }
        switch framing {
        case .none:
            break
        case .length, .untilClose:
            write(part)
        case .chunked:
            var prefix = ByteBuffer()
            HTTP1Encoder.writeChunkPrefix(count: part.readableBytes, into: &prefix)
            write(prefix)
            write(part)
            write(ByteBuffer(staticString: "\r\n"))
        }
    }

    /// The end of a chunked body.
    func writeEnd(trailers: HeaderFields?) {
        var buffer = ByteBuffer()
        HTTP1Encoder.writeLastChunk(trailers: trailers, into: &buffer)
        write(buffer)
    }
}
