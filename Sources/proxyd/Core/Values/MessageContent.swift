import AddonProtocol
import NIOCore

/// The content of one message of a tcp or websocket flow, which never goes by in chunks.
extension JSONWriter {
    /// Writes what a subscription asks for.
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
    /// Its first bytes, which do not keep the others in memory.
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

    /// The member `messages` of a flow that has this one.
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
    /// What the client sends counts as the request's, what the server sends as the response's.
    init(_ content: ByteBuffer, fromClient: Bool, _ side: FilterSide) {
        guard fromClient == (side == .request) else {
            self = .known([])
            return
        }
        self =
            content.readableBytes <= Limits.filteredBodyBytes ? .known([Array(content.readableBytesView)]) : .unknown
    }
}
