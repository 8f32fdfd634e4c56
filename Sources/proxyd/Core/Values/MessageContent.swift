import AddonProtocol
import NIOCore

/// The content of one message of a TCP or WebSocket flow, which is always delivered whole.
extension JSONWriter {
    /// Writes as much of the content as the subscription asks for.
    mutating func delivered(_ content: ByteBuffer, _ body: Subscription.Body) {
        let length =
            switch body {
            case .none: nil as Int?
            case .full, .stream: content.readableBytes
            case .preview(let limit): min(limit, content.readableBytes)
            }
        guard let length else { return null() }
        content.withUnsafeReadableBytes { bytes(UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
    }
}

extension ByteBuffer {
    /// A copy of the first bytes, which does not keep the rest in memory.
    var excerpt: ByteBuffer { ByteBuffer(bytes: readableBytesView.prefix(Limits.changedBodyBytes)) }
}

/// A message as `flow.blame` keeps it.
enum FlowMessage {
    case tcp(TCPMessage)
    case webSocket(WebSocketMessage.Fields)

    var byteCount: Int {
        switch self {
        case .tcp(let message): message.content.readableBytes
        case .webSocket(let message): message.content.readableBytes
        }
    }

    /// Writes the member `messages` with this single message.
    func write(into writer: inout JSONWriter) {
        writer.key("messages")
        writer.beginArray()
        switch self {
        case .tcp(let message): message.write(.full, into: &writer)
        case .webSocket(let message): message.write(.full, into: &writer)
        }
        writer.endArray()
    }
}

extension FilterBodies {
    /// Treats what the client sends as the request's body, and what the server sends as the response's.
    init(_ content: ByteBuffer, fromClient: Bool, _ side: FilterSide) {
        guard fromClient == (side == .request) else {
            self = .known([])
            return
        }
        self =
            content.readableBytes <= Limits.filteredBodyBytes ? .known([Array(content.readableBytesView)]) : .unknown
    }
}
