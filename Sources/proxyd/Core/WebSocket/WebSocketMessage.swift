import AddonProtocol
import NIOCore

/// One whole message, extensions undone, on its way to the other side; confined to its flow's loop.
final class WebSocketMessage: @unchecked Sendable {
    enum Kind: String, Sendable {
        case text, binary
    }

    var type: Kind
    let fromClient: Bool
    var content: ByteBuffer
    let timestamp: Double
    var dropped = false
    /// The addon that sent it; nil: the peer did.
    let injector: String?
    /// Whether it came compressed, and so goes on.
    let isCompressed: Bool

    init(_ payload: WebSocketPayload, fromClient: Bool, injector: String? = nil) {
        type = payload.type
        content = payload.content
        isCompressed = payload.isCompressed
        self.fromClient = fromClient
        self.injector = injector
        timestamp = secondsSinceEpoch()
    }

    /// A copy without what of a long content `flow.blame` does not show.
    init(excerptOf message: WebSocketMessage) {
        type = message.type
        fromClient = message.fromClient
        content = message.content.readableBytes > Limits.changedBodyBytes ? message.content.excerpt : message.content
        timestamp = message.timestamp
        dropped = message.dropped
        injector = message.injector
        isCompressed = message.isCompressed
    }

    func write(_ body: Subscription.Body, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("type", type.rawValue)
        writer.key("from_client")
        writer.bool(fromClient)
        writer.key("content")
        writer.delivered(content, body)
        writer.field("timestamp", timestamp)
        writer.key("dropped")
        writer.bool(dropped)
        writer.key("injected")
        writer.bool(injector != nil)
        writer.endObject()
    }
}
