import AddonProtocol
import NIOCore

/// A conversation in raw bytes, from before its first byte to `tcp_end`. Confined to its loop.
final class TCPFlow: @unchecked Sendable {
    let id: String
    let clientConnection: ConnectionInfo
    let serverConnection: ConnectionInfo
    let toServer: TCPDirection
    let toClient: TCPDirection
    /// Ends a hold of the flow when a side leaves or the flow ends.
    let departure = Interruption()
    var failure: FlowFailure?
    var notes = FlowNotes()
    let limits: FlowLimits
    let control = FlowControl()
    let timestampCreated = secondsSinceEpoch()
    /// Grows with each applied change.
    var revision = 0
    /// How many bytes the client and the server have sent.
    var byteCounts = (fromClient: 0, fromServer: 0)
    private(set) var timestampEnded: Double?
    /// The last messages, for later requests.
    var kept = KeptMessages()
    /// The number of messages so far, in both directions.
    var messageCount = 0
    /// The messages that are with the addons: at most one per direction.
    private var pending: [TCPEvent] = []
    /// Whether the flow has had its last event.
    private var isOver = false
    /// The addons that the flow is waiting for: at most one per direction.
    private var waiting: [(addon: String, event: Event, subject: ObjectIdentifier)] = []

    /// A side of the conversation: its stream, and its connection info.
    typealias Side = (stream: ByteStream, info: ConnectionInfo)

    init(id: String, client: Side, server: Side, limits: FlowLimits) {
        self.id = id
        self.limits = limits
        clientConnection = client.info
        serverConnection = server.info
        toServer = TCPDirection(.toServer, from: client.stream, to: server.stream)
        toClient = TCPDirection(.toClient, from: server.stream, to: client.stream)
        for stream in [client.stream, server.stream] {
            stream.transport.closeFuture.assumeIsolated().whenComplete { [departure] _ in
                departure.interrupt(FlowError(.clientDisconnected, "a side is gone"))
            }
        }
    }

    func direction(toClient isToClient: Bool) -> TCPDirection { isToClient ? toClient : toServer }

    /// Ends the waits of both directions.
    func interrupt(_ error: FlowError) {
        toServer.interruption.interrupt(error)
        toClient.interruption.interrupt(error)
        departure.interrupt(error)
    }

    /// Counts what a peer has sent, but not what addons inject.
    func count(_ message: TCPMessage) {
        guard !message.injected else { return }
        if message.fromClient {
            byteCounts.fromClient += message.content.readableBytes
        } else {
            byteCounts.fromServer += message.content.readableBytes
        }
    }

    /// Starts the event of a message.
    func begin(_ message: TCPMessage) -> TCPEvent {
        let event = TCPEvent(self, message)
        pending.append(event)
        return event
    }

    /// Notes that a message has passed through the addons.
    func end(_ event: TCPEvent) {
        pending.removeAll { $0 === event }
    }

    /// The subject for a change from outside the flow's events: the newest message that is with the addons.
    private var present: TCPEvent { pending.last ?? TCPEvent(self) }

    func waits(for addon: String?, at event: Event, _ subject: TCPEvent) {
        waiting.removeAll { $0.subject == ObjectIdentifier(subject) }
        if let addon { waiting.append((addon, event, ObjectIdentifier(subject))) }
    }
}

extension TCPFlow: LiveFlow {
    var view: any FilterableFlow { TCPFlowView(flow: self, message: present.message) }
    var loggedTarget: String { (serverConnection.address ?? serverConnection.peername)?.description ?? "" }

    var memoryUse: MemoryUse {
        let injected = toServer.injectedBytes + toClient.injectedBytes
        let content = pending.reduce(injected + kept.byteCount) { $0 + $1.contentByteCount }
        return MemoryUse(content: content, notes: notes.byteCount)
    }

    var sizes: (request: Int, response: Int?) { (byteCounts.fromClient, byteCounts.fromServer) }

    /// Messages are numbered from 0. Available are those with the addons, and those that are kept.
    func body(of part: FlowPart) -> Body? {
        guard case .message(let index) = part else { return nil }
        let content = pending.first { $0.index == index }?.message?.content ?? kept[index]?.content
        return content.map { .whole($0) }
    }

    func close() {
        isOver = true
        timestampEnded = timestampEnded ?? secondsSinceEpoch()
        toServer.close()
        toClient.close()
    }

    func forgetBodies() { kept = KeptMessages() }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        present.writeArguments(shape, into: &writer)
    }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        try present.apply(patch, of: name, by: addon, view: view, sent: sent)
    }

    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? { present.excerpt(of: named) }
    func beginTrial() -> (() -> Void)? { present.beginTrial() }

    var summary: FlowSummary {
        summary(
            type: "tcp",
            state: isOver ? "done" : "open",
            http: nil,
            client: clientConnection,
            server: serverConnection,
            waitingFor: waiting.first.map { ($0.addon, $0.event) }
        )
    }

    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 1024)
        write(present.message, .everything, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }

    /// Writes the flow as the JSON of protocol section 3.2.
    ///
    /// - Parameter message: the event's message, if it has one.
    func write(_ message: TCPMessage?, _ shape: SnapshotShape, into writer: inout JSONWriter) {
        let fields = shape.fields
        writer.beginObject()
        writer.field("id", id)
        writer.field("type", "tcp")
        if fields.contains(.clientConnection) {
            writer.key("client_conn")
            writer.raw(clientConnection.json)
        }
        if fields.contains(.serverConnection) {
            writer.key("server_conn")
            writer.raw(serverConnection.json)
        }
        writeBookkeeping(fields, into: &writer)
        if fields.contains(.messages) {
            writer.key("messages")
            writer.beginArray()
            message?.write(shape.body, into: &writer)
            writer.endArray()
        }
        writer.key("message_count")
        writer.integer(messageCount)
        writer.endObject()
    }
}
