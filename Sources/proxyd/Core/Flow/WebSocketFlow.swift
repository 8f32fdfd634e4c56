import AddonProtocol
import NIOCore

/// A WebSocket connection, from the 101 to its last event. Confined to its loop.
final class WebSocketFlow: @unchecked Sendable {
    let id: String
    /// The request and the 101.
    let handshake: HTTPFlow
    var failure: FlowFailure?
    var notes = FlowNotes()
    let timestampCreated = secondsSinceEpoch()
    /// Grows with each applied change.
    var revision = 0
    let control = FlowControl()
    /// The addon that the flow is waiting for, and the event.
    var waitingFor: (addon: String, event: Event)?
    /// How many payload bytes the client and the server have sent.
    var byteCounts = (fromClient: 0, fromServer: 0)
    var timestampEnded: Double?
    /// The last messages that addons saw, for later requests.
    var kept = KeptMessages()
    /// The number of messages so far in both directions, whether addons saw them or not.
    var messageCount = 0
    /// The newest message, if it was held for addons.
    var newest: WebSocketMessage?
    /// The messages that are with the addons: at most one per direction.
    private(set) var pending: [WebSocketMessage] = []
    /// Whether the client closed the connection; nil while it is open, and when neither side closed it.
    var closedByClient: Bool?
    var closeCode: Int?
    var closeReason = ByteBuffer()
    /// Queues a message and returns why that is not possible, if so. Nil once the flow has ended.
    var injector: ((WebSocketMessage) -> String?)?

    private var encodedHandshake: (revision: Int, json: [UInt8])?

    init(id: String, handshake: HTTPFlow) {
        self.id = id
        self.handshake = handshake
    }

    var clientConnection: ConnectionInfo { handshake.clientConnection }

    /// Counts payload bytes.
    func count(_ bytes: Int, fromClient: Bool) {
        if fromClient { byteCounts.fromClient += bytes } else { byteCounts.fromServer += bytes }
    }

    /// Starts the event of a message.
    func begin(_ message: WebSocketMessage) {
        messageCount += 1
        newest = message
        pending.append(message)
    }

    /// Counts a message that passed without addons.
    func passed() {
        messageCount += 1
        newest = nil
    }

    /// Notes that a message has passed through the addons. Large ones are not kept.
    func end(_ message: WebSocketMessage) {
        pending.removeAll { $0 === message }
        if newest === message, message.content.readableBytes > Limits.keptMessageBytes { newest = nil }
    }

    // MARK: Snapshot

    /// Writes the flow as the JSON of protocol section 3.2.
    func write(_ shape: SnapshotShape, _ message: WebSocketMessage?, into writer: inout JSONWriter) {
        let fields = shape.fields
        writer.beginObject()
        writer.field("id", id)
        writer.field("type", "websocket")
        if fields.contains(.clientConnection) {
            writer.key("client_conn")
            writer.raw(clientConnection.json)
        }
        if fields.contains(.serverConnection) {
            writer.key("server_conn")
            if let server = handshake.serverConnection { writer.raw(server.json) } else { writer.null() }
        }
        writeBookkeeping(fields, into: &writer)
        if fields.contains(.handshakeFlow) {
            writer.key("handshake_flow")
            writer.raw(handshakeJSON)
        }
        writeMessages(shape, message, into: &writer)
        writeClose(fields, into: &writer)
        writer.endObject()
    }

    private func writeMessages(_ shape: SnapshotShape, _ message: WebSocketMessage?, into writer: inout JSONWriter) {
        if shape.fields.contains(.messages) {
            writer.key("messages")
            writer.beginArray()
            message?.fields.write(shape.body, into: &writer)
            writer.endArray()
        }
        guard shape.fields.contains(.messageCount) else { return }
        writer.key("message_count")
        writer.integer(messageCount)
    }

    private func writeClose(_ fields: SnapshotFields, into writer: inout JSONWriter) {
        if fields.contains(.closedByClient) {
            writer.key("closed_by_client")
            if let closedByClient { writer.bool(closedByClient) } else { writer.null() }
        }
        if fields.contains(.closeCode) {
            writer.key("close_code")
            if let closeCode { writer.integer(closeCode) } else { writer.null() }
        }
        guard fields.contains(.closeReason) else { return }
        writer.key("close_reason")
        if closeCode == nil { writer.null() } else { closeReason.withUnsafeReadableBytes { writer.bytes($0) } }
    }

    /// Cached until something changes, since every event of the flow carries it.
    private var handshakeJSON: [UInt8] {
        if let encodedHandshake, encodedHandshake.revision == handshake.revision { return encodedHandshake.json }
        var writer = JSONWriter(capacity: 2048)
        handshake.write(.everything, into: &writer)
        encodedHandshake = (handshake.revision, writer.bytes)
        return writer.bytes
    }
}
