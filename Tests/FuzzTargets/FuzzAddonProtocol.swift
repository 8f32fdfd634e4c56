#if DEBUG
@testable import AddonProtocol

/// Frames are the same however the bytes are split.
func fuzzFrames(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let (limit, pieces) = (1 + input.choice(below: 128), input.pieces())
    let bytes = input.rest()
    let whole = framed([bytes], limit: limit)
    let split = framed(bytes.cut(pieces), limit: limit)
    try hold(
        whole.frames == split.frames,
        "the frames \(split.frames) in pieces of \(pieces) are \(whole.frames) whole"
    )
    try hold(whole.error == split.error, "the error \(split.error ?? "none") is \(whole.error ?? "none") whole")
    try hold(whole.frames.allSatisfy { $0.count <= limit }, "a frame is larger than \(limit)")
}

private func framed(_ pieces: [[UInt8]], limit: Int) -> (frames: [[UInt8]], error: String?) {
    var decoder = FrameDecoder(maximumFrameBytes: limit)
    var frames: [[UInt8]] = []
    do throws(ProtocolError) {
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() { frames.append(frame) }
        }
        return (frames, nil)
    } catch {
        return (frames, error.message)
    }
}

/// Of the three JSON parsers jansson is the reference; the others may only support less.
func fuzzJSON(_ bytes: [UInt8]) throws(FuzzFinding) {
    let judgement = judged(bytes)
    try holdPlain(bytes, judgement)
    try holdWalked(bytes, judgement)
    try holdMessages(bytes, judgement)
    guard let value = judgement.value else { return }
    try hold((try? JSONReader.read(value.encoded())) == value, "it reads otherwise when written again")
    _ = try? Registration(params: value)
    _ = value.bytesValue
}

private struct Judgement {
    var value: JSONValue?
    /// Whether it is refused only because a name occurs twice.
    var hasDuplicate = false
}

private func judged(_ bytes: [UInt8]) -> Judgement {
    bytes.withUnsafeBytes { bytes in
        do throws(JSONError) {
            return Judgement(value: try JSONReader.readWithJansson(bytes, maximumDepth: 64))
        } catch {
            return Judgement(hasDuplicate: "\(error)".contains("duplicate"))
        }
    }
}

private func holdPlain(_ bytes: [UInt8], _ judgement: Judgement) throws(FuzzFinding) {
    guard let plain = bytes.withUnsafeBytes({ PlainJSONReader.read($0, maximumDepth: 64) }) else { return }
    try hold(plain == judgement.value, "jansson reads \(String(describing: judgement.value)), plain is \(plain)")
}

private func holdWalked(_ bytes: [UInt8], _ judgement: Judgement) throws(FuzzFinding) {
    let start: Int? = bytes.withUnsafeBytes { bytes in
        var walker = JSONWalker(bytes)
        walker.skipSpace()
        let start = walker.index
        guard walker.passValue() else { return nil }
        walker.skipSpace()
        return walker.isAtEnd && JSONScanner.isUTF8(bytes) ? start : nil
    }
    guard let start, !judgement.hasDuplicate else { return }
    guard let value = judgement.value else { throw FuzzFinding("the walker passes what jansson refuses") }
    try holdSame(LazyJSON(in: bytes, at: start), value)
}

private func holdSame(_ lazy: LazyJSON, _ value: JSONValue) throws(FuzzFinding) {
    try hold(lazy.value == value, "lazily it is \(lazy.value), else \(value)")
    try hold(lazy.isNull == value.isNull, "whether it is null differs")
    try hold(lazy.headerFields == HeaderFields(reading: value), "its header fields differ")
    try hold(lazy.last?.value == value.arrayValue?.last, "its last element differs")
    for member in value.members ?? [] {
        guard let found = lazy[member.name] else { throw FuzzFinding("the member \(member.name) is not found") }
        try holdSame(found, member.value)
    }
}

private func holdMessages(_ bytes: [UInt8], _ judgement: Judgement) throws(FuzzFinding) {
    let frame = try? IncomingFrame.decode(bytes)
    if let members = bytes.withUnsafeBytes({ PlainJSONReader.readMessage($0, maximumDepth: 64) }) {
        let judge = judgement.value.flatMap { try? Message(reading: $0) }
        try hold((try? Message(members)) == judge, "as a message it reads otherwise")
    }
    if let reply = bytes.withUnsafeBytes({ HeaderReply($0) }) {
        guard case .single(reply.message)? = frame else { throw FuzzFinding("the reply reads as \(reply.message)") }
    }
    guard let call = IncomingCall(bytes), !judgement.hasDuplicate else { return }
    guard case .single(let message)? = frame else { throw FuzzFinding("the call is no message") }
    let same: Message =
        call.id.map { .request(id: $0, method: call.method, params: call.params.value) }
        ?? .notification(method: call.method, params: call.params.value)
    try hold(message == same, "the call reads as \(same), the message as \(message)")
}
#endif
