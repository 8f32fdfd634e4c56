package import AddonProtocol

/// What a head says about the length of its body, in any version of HTTP.
package enum BodyLength: Equatable, Sendable {
    /// There is no body, whatever the fields say.
    case none
    case known(UInt64)
    case unknown

    /// How to announce the body when it is forwarded unchanged.
    package var outgoing: OutgoingBody {
        switch self {
        case .none: .length(0)
        case .known(let length): .length(length)
        case .unknown: .stream
        }
    }
}

extension BodyFraming {
    /// The length that this framing implies.
    package var length: BodyLength {
        switch self {
        case .none: .none
        case .length(let length): .known(length)
        case .chunked, .untilClose: .unknown
        }
    }
}

extension BodyLength {
    /// The length of the body that an HTTP/2 head announces.
    ///
    /// - Parameter isLast: whether the head ended the stream.
    package init(_ fields: HeaderFields, isLast: Bool) throws(HTTP1Error) {
        switch try ContentLength(of: fields) {
        case .once(let length):
            guard !isLast || length == 0 else {
                throw HTTP1Error(.badContentLength, "content-length is \(length), but there is no body")
            }
            self = isLast ? .none : .known(length)
        case .repeated:
            throw HTTP1Error(.badContentLength, "more than one content-length")
        case .absent:
            self = isLast ? .none : .unknown
        }
    }
}
