import AddonProtocol

/// When a rule may act, in chronological order.
enum Stage: Int, CaseIterable, Comparable, Sendable {
    /// The request's head has arrived.
    case requestHead
    /// The request's body has arrived as well.
    case request
    case responseHead
    case response
    /// A WebSocket message.
    case message

    static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }

    var event: Event {
        switch self {
        case .requestHead: .requestheaders
        case .request: .request
        case .responseHead: .responseheaders
        case .response: .response
        case .message: .websocketMessage
        }
    }

    var isOfResponse: Bool { self == .responseHead || self == .response }
    var hasBody: Bool { self == .request || self == .response || self == .message }
}
