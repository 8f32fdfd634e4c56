import AddonProtocol

/// How a body goes by: the `stream` of a message in snapshots and replies.
enum StreamMode: Sendable, Equatable {
    /// It is held while an addon may change it.
    case off
    /// It is passed on as it comes.
    case on
    /// It is passed on as it comes, each chunk past the addons.
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
