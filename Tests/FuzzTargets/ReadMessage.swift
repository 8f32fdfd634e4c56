#if DEBUG
import AddonProtocol
import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

/// A message as the codec understood it.
struct ReadMessage: Equatable {
    enum Head: Equatable {
        case request(RequestHead)
        case response(ResponseHead)
    }

    var head: Head
    var framing: BodyFraming
    var body: [UInt8] = []
    var trailers: HeaderFields?

    var fields: HeaderFields {
        switch head {
        case .request(let head): head.fields
        case .response(let head): head.fields
        }
    }

    /// The message as it would be written.
    var wire: [UInt8] {
        var buffer = ByteBuffer()
        switch head {
        case .request(let head): HTTP1Encoder.write(head, into: &buffer)
        case .response(let head): HTTP1Encoder.write(head, into: &buffer)
        }
        write(body, framing: framing, trailers: trailers, into: &buffer)
        return Array(buffer.readableBytesView)
    }
}

/// Writes a body with this framing.
func write(_ body: [UInt8], framing: BodyFraming, trailers: HeaderFields? = nil, into buffer: inout ByteBuffer) {
    guard framing == .chunked else {
        buffer.writeBytes(body)
        return
    }
    if !body.isEmpty {
        HTTP1Encoder.writeChunkPrefix(count: body.count, into: &buffer)
        buffer.writeBytes(body)
        HTTP1Encoder.writeChunkSuffix(into: &buffer)
    }
    HTTP1Encoder.writeLastChunk(trailers: trailers, into: &buffer)
}
#endif
