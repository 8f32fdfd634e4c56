import AddonProtocol

extension ChangeLog.Excerpt {
    /// What `flow.blame` shows of a flow of messages, kept as values.
    ///
    /// - Parameter message: what to keep of the message that the event is about.
    init(_ notes: @autoclosure () -> FlowNotes, _ fields: SnapshotFields, _ message: FlowMessage? = nil) {
        if let message, fields == .messages {
            self.init(byteCount: message.byteCount, content: .message(message))
        } else {
            self.init(with: notes(), fields, message)
        }
    }

    private init(with notes: FlowNotes, _ fields: SnapshotFields, _ message: FlowMessage?) {
        byteCount = notes.byteCount(of: fields) + (message?.byteCount ?? 0)
        content = .other { writer in
            notes.write(fields, into: &writer)
            message?.write(into: &writer)
        }
    }
}
