import NIOCore

/// The end of a message conversation in printable form, detached from its loop.
struct PrintedConversation: Sendable {
    let client: ConnectionInfo.Address?
    /// `WebSocket http://h/p`, `TCP h:1234`
    let name: [UInt8]
    /// `closed by client: 1000`, `error: …`
    let outcome: String
    let messageCount: Int
    let milliseconds: Int

    func write(into text: inout [UInt8]) {
        text.append(escaped: "\(client?.description ?? "a client"): ")
        text.append(escaped: name)
        text.append(" → ")
        let messages = messageCount == 1 ? "1 message" : "\(messageCount) messages"
        text.append(escaped: "\(outcome) \(messages) \(milliseconds)ms")
    }
}

/// One message of a conversation in printable form.
struct PrintedMessage: Sendable {
    let client: ConnectionInfo.Address?
    let fromClient: Bool
    /// `WebSocket text message`, `TCP`
    let kind: String
    let server: [UInt8]
    let content: ByteBuffer
    let detail: Int

    func write(into text: inout [UInt8]) {
        let arrow = fromClient ? " -> " : " <- "
        text.append(escaped: (client?.description ?? "a client") + arrow + kind + arrow)
        text.append(escaped: server)
        guard content.readableBytes > 0 else { return }
        PrintedContent(content, isShortened: detail < 4).write(into: &text)
    }
}
