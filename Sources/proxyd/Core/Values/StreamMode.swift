import AddonProtocol

/// How a body is forwarded: the `stream` of a message in snapshots and replies.
enum StreamMode: Sendable, Equatable {
    /// Held while an addon may change it.
    case off
    /// Streamed as it arrives.
    case on
    /// Streamed as it arrives, each chunk through the addons.
    case events

    var json: JSONValue {
        switch self {
        case .off: false
        case .on: true
        case .events: "events"
        }
    }

    init?(_ json: JSONValue) {
        switch json {
        case false: self = .off
        case true: self = .on
        case "events": self = .events
        default: return nil
        }
    }
}
