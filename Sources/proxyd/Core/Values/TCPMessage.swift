import AddonProtocol
import NIOCore

/// Some bytes of one direction, as they arrived together or as an addon created them.
struct TCPMessage {
    /// The most bytes of a message from a peer.
    static let sizeLimit = 64 * 1024

    let fromClient: Bool
    var content: ByteBuffer
    let timestamp = secondsSinceEpoch()
    var dropped = false
    let injected: Bool

    /// Writes the message as snapshots show it.
    func write(_ delivery: Subscription.Body, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("from_client")
        writer.bool(fromClient)
        writer.key("content")
        writer.delivered(content, delivery)
        writer.field("timestamp", timestamp)
        writer.key("dropped")
        writer.bool(dropped)
        writer.key("injected")
        writer.bool(injected)
        writer.endObject()
    }
}
