import AddonProtocol

/// What a call is answered, as it goes out.
protocol CallResult: Sendable {
    /// The answer to the call with this id.
    func answer(to id: RequestID) -> OutgoingFrame
}

extension JSONValue: CallResult {
    func answer(to id: RequestID) -> OutgoingFrame {
        OutgoingFrame(head: Message.success(id: id, result: self).encoded())
    }
}

/// A result that is text already, so that it need not be encoded again.
struct EncodedResult: CallResult {
    /// An object without its closing brace.
    let members: [UInt8]

    func answer(to id: RequestID) -> OutgoingFrame {
        var writer = JSONWriter(capacity: 64)
        writer.beginObject()
        writer.field("jsonrpc", "2.0")
        writer.key("id")
        writer.value(id.json)
        writer.key("result")
        return OutgoingFrame(head: writer.bytes, members: members, end: Array("}}".utf8)[...])
    }
}
