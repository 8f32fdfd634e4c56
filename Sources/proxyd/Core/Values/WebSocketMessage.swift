import AddonProtocol
import NIOCore
import ProxyCodecs

/// A whole message, with its extensions undone, on its way to the other side. Confined to its flow's loop.
final class WebSocketMessage: @unchecked Sendable {
    typealias Kind = WebSocketMessageKind

    /// What snapshots show of a message.
    struct Fields {
        var type: Kind
        let fromClient: Bool
        var content: ByteBuffer
        let timestamp: Double
        var dropped = false
        /// Whether an addon injected it.
        let injected: Bool
    }

    private(set) var fields: Fields
    /// Whether it arrived compressed, and so is sent compressed.
    let isCompressed: Bool

    init(_ payload: WebSocketPayload, fromClient: Bool, injected: Bool = false) {
        isCompressed = payload.isCompressed
        fields = Fields(
            type: payload.type,
            fromClient: fromClient,
            content: payload.content,
            timestamp: secondsSinceEpoch(),
            injected: injected
        )
    }

    var fromClient: Bool { fields.fromClient }

    var type: Kind {
        get { fields.type }
        set { fields.type = newValue }
    }

    var content: ByteBuffer {
        get { fields.content }
        set { fields.content = newValue }
    }

    var dropped: Bool {
        get { fields.dropped }
        set { fields.dropped = newValue }
    }
}

extension WebSocketMessage.Fields {
    /// The same fields with only as much content as `flow.blame` shows.
    var excerpt: Self {
        var excerpt = self
        if content.readableBytes > Limits.changedBodyBytes { excerpt.content = content.excerpt }
        return excerpt
    }

    /// Writes the message as snapshots show it.
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
        writer.bool(injected)
        writer.endObject()
    }
}
