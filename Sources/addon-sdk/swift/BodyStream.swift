import AddonProtocol

/// How a message's body is forwarded; set it in `requestheaders` or `responseheaders`.
public enum BodyStream: Sendable, Equatable {
    /// The body is held while an addon may change it.
    case off
    /// The body is forwarded as it arrives.
    case on
    /// The body is forwarded as it arrives, chunk by chunk through the addons.
    case events

    init(_ json: JSONValue?) {
        switch json {
        case true: self = .on
        case "events": self = .events
        default: self = .off
        }
    }

    var json: JSONValue {
        switch self {
        case .off: false
        case .on: true
        case .events: "events"
        }
    }
}

/// A chunk of a streamed body. A chunk with `isEnd`, which may be empty, ends the body.
public struct BodyChunk: Sendable, Equatable {
    /// The id of the flow.
    public let flow: String
    /// The bytes of the chunk.
    public let data: [UInt8]
    /// How many bytes of this body the addon was sent before.
    public let offset: Int
    /// Whether this is the last chunk.
    public let isEnd: Bool

    init(_ params: LazyJSON) {
        flow = params["flow"]?["id"]?.value.stringValue ?? ""
        data = params["data"]?.value.bytesValue ?? []
        offset = params["offset"]?.value.intValue ?? 0
        isEnd = params["end"]?.value.boolValue ?? false
    }
}

/// What to do with a chunk.
public enum BodyChunkReply: Sendable, Equatable {
    case pass
    /// Forward these chunks in its place; an empty list drops it.
    case replace([[UInt8]])
    /// Forward this chunk and all that follow unchanged, and send the addon no more of this body.
    case passRest

    var json: JSONValue {
        switch self {
        case .pass: [:]
        case .replace(let chunks): ["data": .array(chunks.map { JSONValue(bytes: $0) })]
        case .passRest: ["rest": "original"]
        }
    }
}
