/// How long the daemon waits for the reply to an event: `timeout_ms`.
public enum ReplyTimeout: Sendable, Equatable, ExpressibleByIntegerLiteral {
    case milliseconds(Int)
    /// The reply may take as long as it takes: `null`. The daemon's option `allow_no_timeout` has to permit it.
    case never

    public init(integerLiteral milliseconds: Int) { self = .milliseconds(milliseconds) }

    /// nil: none.
    public var milliseconds: Int? {
        switch self {
        case .milliseconds(let milliseconds): milliseconds
        case .never: nil
        }
    }

    /// As in `timeout_ms` and `deadline_ms`.
    public var json: JSONValue { milliseconds.map { .integer($0) } ?? .null }
}

extension ParamsReader {
    /// nil when there is no member `timeout_ms`.
    func timeout() throws(ProtocolError) -> ReplyTimeout? {
        if object["timeout_ms"]?.isNull == true { return .never }
        return try integer("timeout_ms", in: 1...Subscription.maximumTimeoutMilliseconds).map { .milliseconds($0) }
    }
}
