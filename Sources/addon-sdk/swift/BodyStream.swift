import AddonProtocol

/// How a message's body goes by; set in `requestheaders` or `responseheaders`.
public enum BodyStream: Sendable, Equatable {
    /// It is held while an addon may change it.
    case off
    /// It is passed on as it comes.
    case on
    /// It is passed on as it comes, each chunk past the addons.
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

/// A chunk of a body that goes by; an empty one with `isEnd` ends it.
public struct BodyChunk: Sendable, Equatable {
    public let flow: String
    public let data: [UInt8]
    /// The bytes of this body that the addon was sent before.
    public let offset: Int
    public let isEnd: Bool

    init(_ params: LazyJSON) {
        flow = params["flow"]?["id"]?.value.stringValue ?? ""
        data = params["data"]?.value.bytesValue ?? []
        offset = params["offset"]?.value.intValue ?? 0
        isEnd = params["end"]?.value.boolValue ?? false
    }
}

/// What becomes of a chunk.
public enum BodyChunkReply: Sendable, Equatable {
    case pass
    /// These go on in its place; none drops it.
    case replace([[UInt8]])
    /// This chunk and all that follow go on as they are, and the addon is sent no more of this body.
    case passRest

    var json: JSONValue {
        switch self {
        case .pass: [:]
        case .replace(let chunks): ["data": .array(chunks.map { JSONValue(bytes: $0) })]
        case .passRest: ["rest": "original"]
        }
    }
}
