#if DEBUG
import AddonProtocol
import NIOCore
import NIOHPACK
import ProxyTLS

@testable import ProxyCodecs
@testable import ProxyCore

/// Field blocks are decoded as another codec decodes them, and are the same when they are encoded again.
func fuzzHPACK(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    var (decoder, encoder, again) = (FieldBlockDecoder(), FieldBlockEncoder(), FieldBlockDecoder())
    var other = NIOHPACK.HPACKDecoder(allocator: ByteBufferAllocator())
    while !input.isEmpty {
        let bytes = input.take(atMost: 1 + input.choice(below: 255))
        let theirs = nioFields(bytes, &other)
        guard let block = try? bytes.withUnsafeBytes({ try decoder.decode($0, HeadLimits()) }) else { return }
        guard block.excess == nil else { return }
        let written = encoder.encode(block.fields)
        let read = try? written.withUnsafeBytes { try again.decode($0, HeadLimits()) }
        try hold(read?.fields == block.fields, "\(block.fields) becomes \(String(describing: read?.fields))")
        guard let theirs, isText(block.fields) else { return }
        try hold(theirs == block.fields, "\(block.fields) is \(theirs) to another")
    }
}

private func nioFields(_ bytes: [UInt8], _ decoder: inout NIOHPACK.HPACKDecoder) -> HeaderFields? {
    var buffer = ByteBuffer(bytes: bytes)
    guard let headers = try? decoder.decodeHeaders(from: &buffer) else { return nil }
    var fields = HeaderFields()
    for (name, value, _) in headers { fields.append(name, value) }
    return fields
}

private func isText(_ fields: HeaderFields) -> Bool {
    (0..<fields.count).allSatisfy {
        String(validating: fields.name(at: $0), as: UTF8.self) != nil
            && String(validating: fields.value(at: $0), as: UTF8.self) != nil
    }
}

/// Frames are the same however the bytes are split, and a text message is text.
func fuzzWebSocket(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let sender: WebSocketFrameParser.Sender = input.flag() ? .client : .server
    let (allowsCompression, pieces) = (input.flag(), input.pieces())
    let bytes = input.rest()
    let whole = ReadFrames([bytes], sender, allowsCompression)
    let split = ReadFrames(bytes.cut(pieces), sender, allowsCompression)
    try hold(whole == split, "in pieces of \(pieces): \(split); whole: \(whole)")
    try hold(whole.texts.allSatisfy { String(validating: $0, as: UTF8.self) != nil }, "a text that is none")
}

private struct ReadFrames: Equatable {
    private enum Frame: Equatable {
        case control(WebSocketFrame)
        case data(WebSocketFrameHead, [UInt8])
    }

    private var frames: [Frame] = []
    private var payload: [UInt8] = []
    var texts: [[UInt8]] = []
    private var error: WebSocketError?

    init(_ pieces: [[UInt8]], _ sender: WebSocketFrameParser.Sender, _ allowsCompression: Bool) {
        var parser = WebSocketFrameParser(sender: sender, allowsCompression: allowsCompression)
        var assembler = WebSocketAssembler(limit: 1024, inflater: allowsCompression ? WebSocketInflater(.init()) : nil)
        var buffer = ByteBuffer()
        do throws(WebSocketError) {
            for piece in pieces {
                buffer.writeBytes(piece)
                while let element = try parser.next(from: &buffer) { try take(element, &assembler) }
            }
        } catch {
            self.error = error
            payload = []
            if case .data? = frames.last { frames.removeLast() }
        }
    }

    private mutating func take(
        _ element: WebSocketFrameParser.Element,
        _ assembler: inout WebSocketAssembler
    ) throws(WebSocketError) {
        switch element {
        case .control(let frame): frames.append(.control(frame))
        case .head(let head):
            payload = []
            frames.append(.data(head, []))
            try assembler.begin(head, keeping: true)
        case .payload(let piece, let endsFrame):
            payload += piece.readableBytesView
            if endsFrame, case .data(let head, _)? = frames.popLast() { frames.append(.data(head, payload)) }
            guard let message = try assembler.add(piece, endsFrame: endsFrame), message.type == .text else { return }
            texts.append(Array(message.content.readableBytesView))
        }
    }
}

/// What the first bytes show stays true when more arrive.
func fuzzClientHello(_ bytes: [UInt8]) throws(FuzzFinding) {
    let whole = ClientHelloPeek(ByteBuffer(bytes: bytes))
    for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 16)) {
        let part = ClientHelloPeek(ByteBuffer(bytes: bytes.prefix(count)))
        try hold(part == .incomplete || part == whole, "with \(count) bytes \(part), with all \(whole)")
    }
    guard case .complete(let hello) = whole else { return }
    try hold(hello.ja4.utf8.count == 36, "the fingerprint \(hello.ja4)")
}

/// Each option is set or refused; setting one to its value in text form changes nothing.
func fuzzConfig(_ bytes: [UInt8]) throws(FuzzFinding) {
    guard let text = String(validating: bytes, as: UTF8.self),
        let file = try? ConfigFile(parsing: text, path: "config.yaml")
    else { return }
    for entry in file.entries {
        guard let definition = OptionCatalogue.builtIn[entry.name] else { continue }
        var options = Options()
        guard (try? options.set(definition, to: entry.value)) != nil else { continue }
        let value = definition.read(options)
        try hold((try? options.set(definition, to: value)) != nil, "\(entry.name) refuses what it reads as: \(value)")
        try hold(definition.read(options) == value, "\(entry.name) reads as \(definition.read(options)), was \(value)")
    }
}
#endif
