package import NIOCore

/// Joins the data frames of one direction into uncompressed messages. It validates even those that it does not keep.
package struct WebSocketAssembler: Sendable {
    private struct Message {
        let type: WebSocketMessageKind
        let isCompressed: Bool
        let isKept: Bool
        var isFinal: Bool
        var content = ByteBuffer()
        var text = UTF8Validator()
    }

    /// The largest message to keep, in bytes.
    private let limit: Int
    private let inflater: WebSocketInflater?
    private var message: Message?

    /// How many bytes are held of a message that is to be kept.
    package var heldBytes: Int { message?.content.readableBytes ?? 0 }

    /// Whether the message being received is compressed.
    package var isCompressed: Bool { message?.isCompressed ?? false }

    /// Returns what has arrived of a message, and stops keeping it.
    package mutating func takePart() -> WebSocketPayload? {
        guard let message else { return nil }
        self.message?.content = ByteBuffer()
        return WebSocketPayload(type: message.type, isCompressed: message.isCompressed, content: message.content)
    }

    /// - Parameter inflater: for compressed messages; nil when compression was not negotiated.
    package init(limit: Int, inflater: WebSocketInflater?) {
        self.limit = limit
        self.inflater = inflater
    }

    /// Begins a data frame.
    ///
    /// - Parameter keeping: whether to keep the content of a message that begins here.
    package mutating func begin(_ head: WebSocketFrameHead, keeping: Bool) throws(WebSocketError) {
        if var message {
            message.isFinal = head.isFinal
            self.message = message
        } else {
            message = Message(
                type: head.opcode == .text ? .text : .binary,
                isCompressed: head.isCompressed,
                isKept: keeping,
                isFinal: head.isFinal
            )
        }
        guard let message, message.isKept, !message.isCompressed else { return }
        guard head.length <= limit - message.content.readableBytes else { throw tooBig }
    }

    /// - Returns: the message, if this piece of a payload completes it (empty if it is not kept); else nil.
    package mutating func add(_ piece: ByteBuffer, endsFrame: Bool) throws(WebSocketError) -> WebSocketPayload? {
        guard var message = self.message else { return nil }
        self.message = nil
        if message.isCompressed, let inflater {
            try inflater.inflate(piece) { bytes throws(WebSocketError) in try take(bytes, into: &message) }
        } else {
            try take(piece, into: &message)
        }
        guard endsFrame, message.isFinal else {
            self.message = message
            return nil
        }
        if message.isCompressed {
            try inflater?.end { bytes throws(WebSocketError) in try take(bytes, into: &message) }
        }
        guard message.text.isComplete else { throw Self.noText }
        return WebSocketPayload(type: message.type, isCompressed: message.isCompressed, content: message.content)
    }

    /// Keeps the first piece as it is, if it has its memory for itself.
    private func take(_ piece: ByteBuffer, into message: inout Message) throws(WebSocketError) {
        try piece.withUnsafeReadableBytes { bytes throws(WebSocketError) in try check(bytes, &message) }
        guard message.isKept else { return }
        if message.content.readableBytes == 0, piece.storageCapacity <= 2 * piece.readableBytes {
            message.content = piece
        } else {
            message.content.writeImmutableBuffer(piece)
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, into message: inout Message) throws(WebSocketError) {
        try check(bytes, &message)
        if message.isKept { message.content.writeBytes(bytes) }
    }

    /// Reports the first violation in the message, however it is split into pieces.
    private func check(_ bytes: UnsafeRawBufferPointer, _ message: inout Message) throws(WebSocketError) {
        let room = message.isKept ? limit - message.content.readableBytes : bytes.count
        let fitting = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
        guard message.type == .binary || message.text.take(fitting) else { throw Self.noText }
        guard bytes.count <= room else { throw tooBig }
    }

    private static let noText = WebSocketError(.invalidPayload, "a text message is not UTF-8")

    private var tooBig: WebSocketError {
        WebSocketError(.messageTooBig, "a message is larger than websocket_message_limit, \(limit) bytes")
    }
}

/// The type of a message, from its first frame (RFC 6455, section 5.6).
package enum WebSocketMessageKind: String, Sendable {
    case text, binary
}

/// The content of a message, uncompressed.
package struct WebSocketPayload: Equatable, Sendable {
    /// Text or binary.
    package var type: WebSocketMessageKind
    /// Whether it was compressed on the wire.
    package var isCompressed = false
    /// The bytes, uncompressed.
    package var content: ByteBuffer

    /// A message with this content.
    package init(type: WebSocketMessageKind, isCompressed: Bool = false, content: ByteBuffer) {
        self.type = type
        self.isCompressed = isCompressed
        self.content = content
    }
}
