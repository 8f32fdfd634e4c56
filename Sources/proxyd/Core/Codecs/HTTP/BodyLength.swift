/// What a head says of the length of the body behind it, whatever the version of HTTP.
enum BodyLength: Equatable, Sendable {
    /// There is no body, whatever the fields say.
    case none
    case known(UInt64)
    case unknown

    /// How such a body is announced when it is passed on unchanged.
    var outgoing: OutgoingBody {
        switch self {
        case .none: .length(0)
        case .known(let length): .length(length)
        case .unknown: .stream
        }
    }
}

extension BodyFraming {
    var length: BodyLength {
        switch self {
        case .none: .none
        case .length(let length): .known(length)
        case .chunked, .untilClose: .unknown
        }
    }
}
