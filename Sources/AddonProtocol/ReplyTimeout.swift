/// How long the daemon waits for the reply to an event: `timeout_ms`.
public enum ReplyTimeout: Sendable, Equatable, ExpressibleByIntegerLiteral {
    case milliseconds(Int)
    /// No timeout, `null`. The daemon's option `allow_no_timeout` must permit it.
    case never

    /// A timeout in milliseconds.
    public init(integerLiteral milliseconds: Int) { self = .milliseconds(milliseconds) }

    /// The timeout in milliseconds; nil when there is none.
    public var milliseconds: Int? {
        switch self {
        case .milliseconds(let milliseconds): milliseconds
        case .never: nil
        }
    }

    /// The value of `timeout_ms` or `deadline_ms`.
    public var json: JSONValue { milliseconds.map { .integer($0) } ?? .null }
}

extension ParamsReader {
    /// Nil when there is no member `timeout_ms`.
    func timeout() throws(ProtocolError) -> ReplyTimeout? {
        if object["timeout_ms"]?.isNull == true { return .never }
        return try integer("timeout_ms", in: 1...Subscription.maximumTimeoutMilliseconds).map { .milliseconds($0) }
    }
}
