#if DEBUG
import AddonProtocol
import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

/// Messages are the same however the bytes are split, and when they are written again.
func fuzzHTTP1(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let sides: [Side] = [.client, .server(method: "GET"), .server(method: "HEAD"), .server(method: "CONNECT")]
    let (side, pieces) = (sides[input.choice(below: sides.count)], input.pieces())
    let bytes = input.rest()
    let whole = Transcript.of(bytes, from: side)
    let split = Transcript.of(bytes, from: side, pieces: pieces)
    try hold(split.content == whole.content, "in pieces of \(pieces): \(split.content); whole: \(whole.content)")
    for message in whole.messages {
        let again = Transcript.of(message.wire, from: side).messages.first
        try hold(
            again == message,
            "it reads otherwise when written again: \(String(describing: again)), was \(message)"
        )
    }
}

/// A body's content is the same however it is split.
func fuzzBody(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let framings: [BodyFraming] = [.chunked, .length(UInt64(input.choice(below: 256))), .untilClose, .none]
    let framing = framings[input.choice(below: framings.count)]
    let (isFromServer, pieces) = (input.flag(), input.pieces())
    let bytes = input.rest()
    let whole = ReadBody([bytes], framing, isFromServer: isFromServer)
    let split = ReadBody(bytes.cut(pieces), framing, isFromServer: isFromServer)
    try hold(whole == split, "in pieces of \(pieces): \(split); whole: \(whole)")
}

private struct ReadBody: Equatable {
    var data: [UInt8] = []
    var trailers: HeaderFields?
    var isEnded = false
    var error: HTTP1Error?
    var unread = 0

    init(_ pieces: [[UInt8]], _ framing: BodyFraming, isFromServer: Bool) {
        var parser = HTTP1BodyParser(framing: framing, limits: HeadLimits(), isFromServer: isFromServer)
        var buffer = ByteBuffer()
        do throws(HTTP1Error) {
            for piece in pieces {
                buffer.writeBytes(piece)
                while let part = try parser.next(from: &buffer) { take(part) }
            }
            if let part = try parser.inputClosed() { take(part) }
            unread = buffer.readableBytes
        } catch {
            self.error = error
        }
    }

    private mutating func take(_ part: BodyPart) {
        switch part {
        case .data(let bytes): data += bytes.readableBytesView
        case .end(let trailers): (self.trailers, isEnded) = (trailers, true)
        }
    }
}

/// Whatever is accepted from a client is accepted from a server; all accepted fields are unambiguous when they are written again.
func fuzzFields(_ bytes: [UInt8]) throws(FuzzFinding) {
    let strict = section(bytes, isFromServer: false)
    let tolerant = section(bytes, isFromServer: true)
    if let strict {
        try hold(tolerant == strict, "a client's fields \(strict) are a server's \(String(describing: tolerant))")
    }
    guard let tolerant else { return }
    var wire = ByteBuffer()
    HTTP1Encoder.writeLastChunk(trailers: tolerant, into: &wire)
    let again = section(Array(wire.readableBytesView.dropFirst(3)), isFromServer: false)
    try hold(again == tolerant, "the fields \(tolerant) are \(String(describing: again)) when written again")
}

/// The fields of a complete section; nil when it is refused or incomplete.
private func section(_ bytes: [UInt8], isFromServer: Bool) -> HeaderFields? {
    let body = ReadBody([Array("0\r\n".utf8) + bytes], .chunked, isFromServer: isFromServer)
    return body.isEnded ? body.trailers ?? HeaderFields() : nil
}

/// HTTP/2 heads that are accepted mean the same in HTTP/1, in which they may be forwarded.
func fuzzHTTP2(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let (isRequest, isProxied) = (input.flag(), input.flag())
    var block = FieldBlock(HeadLimits())
    while !input.isEmpty { block.append(input.takeToNUL()[...], input.takeToNUL()[...]) }
    guard let fields = try? HTTP2Fields(block, of: isRequest ? .request : .response) else { return }
    // More than one length is refused, but by the code that reads the body.
    guard (try? BodyLength(fields.fields, isLast: false)) != nil else { return }
    if isRequest {
        guard var head = try? fields.requestHead(isProxied: isProxied) else { return }
        head.version = .http11
        guard (try? RequestTarget(head)) != nil else { return }
        try holdAsHTTP1(ReadMessage(head: .request(head), framing: .none), from: .client)
    } else {
        guard var head = try? fields.responseHead() else { return }
        head.version = .http11
        try holdAsHTTP1(ReadMessage(head: .response(head), framing: .none), from: .server(method: "HEAD"))
    }
}

/// A forwarded head contains no second message, and no other fields. It may lack a Host or have contradictory lengths, which
/// are repaired or refused elsewhere.
func holdAsHTTP1(_ message: ReadMessage, from side: Side) throws(FuzzFinding) {
    let read = Result { () throws(HTTP1Error) in try headFields(message.wire, from: side) }
    switch read {
    case .success(let fields):
        try hold(fields == message.fields, "\(message.fields) becomes \(String(describing: fields)) in HTTP/1")
    case .failure(let error):
        let elsewhere: Set<HTTP1Error.Code> = [.badHost, .badContentLength, .headTooLarge, .tooManyFields]
        try hold(elsewhere.contains(error.code), "\(error): \(quoted(message.wire))")
    }
}

/// The fields of the single head that the bytes contain.
private func headFields(_ bytes: [UInt8], from side: Side) throws(HTTP1Error) -> HeaderFields? {
    var buffer = ByteBuffer(bytes: bytes)
    var parser = HTTP1HeadParser(limits: HeadLimits())
    let fields =
        side == .client ? try parser.request(from: &buffer)?.fields : try parser.response(from: &buffer)?.fields
    return buffer.readableBytes == 0 ? fields : nil
}
#endif
