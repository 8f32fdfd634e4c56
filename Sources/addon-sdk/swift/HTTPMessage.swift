import AddonProtocol

/// What a request and a response have in common.
///
/// Each property is decoded when it is used. Changes are sent to the daemon when the handler returns.
public protocol HTTPMessage: Sendable, Equatable {
    /// What the daemon sent of the message, and what has been set since. The properties below read and write it.
    var draft: MessageDraft { get set }
}

extension HTTPMessage {
    /// `HTTP/1.1`, `HTTP/2.0`, …
    public var httpVersion: String {
        get { draft[text: "http_version"] }
        set { draft[text: "http_version"] = newValue }
    }

    /// The field section before the content (RFC 9110, 6.3).
    public var headers: Headers {
        get { draft.headers }
        set { draft.headers = newValue }
    }

    /// The body without its content coding, unless ``AddonSettings/decodesContent`` is false; new content is encoded again.
    ///
    /// nil when the body is not available: not read yet, streamed, or not subscribed to.
    public var content: [UInt8]? {
        get { draft.content }
        set { draft.content = newValue }
    }

    /// The content as text; bytes that are not UTF-8 read as U+FFFD.
    public var text: String? {
        get { content.map { String(decoding: $0, as: UTF8.self) } }
        set { content = newValue.map { Array($0.utf8) } }
    }

    /// Whether ``content`` was decoded as `content-encoding` says; `Daemon.rawContent(of:_:)` has the original bytes.
    public var isDecoded: Bool { draft.isDecoded }

    /// The field section after the content (RFC 9110, 6.5).
    public var trailers: Headers {
        get { draft.trailers }
        set { draft.trailers = newValue }
    }

    /// How the body is forwarded; settable in `requestheaders` and `responseheaders`.
    public var stream: BodyStream {
        get { draft.stream }
        set { draft.stream = newValue }
    }

    /// When the message began, in seconds since the epoch.
    public var timestampStart: Double? { draft["timestamp_start"]?.doubleValue }

    /// When the message was complete, in seconds since the epoch; nil while it is not.
    public var timestampEnd: Double? { draft["timestamp_end"]?.doubleValue }

    /// Takes over what all messages have, and may be set.
    mutating func copyCommon(from other: Self) {
        httpVersion = other.httpVersion
        headers = other.headers
        trailers = other.trailers
        content = other.content
        stream = other.stream
    }

    /// Whether two messages are equal in what all messages have.
    func hasCommon(with other: Self) -> Bool {
        (httpVersion, headers, trailers, content, stream)
            == (other.httpVersion, other.headers, other.trailers, other.content, other.stream)
            && (timestampStart, timestampEnd) == (other.timestampStart, other.timestampEnd)
    }
}
