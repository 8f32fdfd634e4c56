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

extension ChangeLog.Excerpt {
    /// What `flow.blame` shows of a flow of messages, kept as the values themselves.
    ///
    /// - Parameter message: writes the message that the event is about.
    init(
        _ notes: FlowNotes,
        _ fields: SnapshotFields,
        _ content: ByteBuffer = ByteBuffer(),
        message: ((inout JSONWriter) -> Void)? = nil
    ) {
        self.init(byteCount: notes.byteCount(of: fields) + content.readableBytes) {
            var writer = JSONWriter(capacity: 512)
            writer.beginObject()
            notes.write(fields, into: &writer)
            if let message {
                writer.key("messages")
                writer.beginArray()
                message(&writer)
                writer.endArray()
            }
            writer.endObject()
            return writer.bytes
        }
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
