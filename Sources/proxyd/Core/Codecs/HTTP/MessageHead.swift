import AddonProtocol

/// The versions of HTTP that are spoken here. Of others in HTTP/1 (RFC 9112, section 2.3) 1.2 to 1.9 are read as 1.1, and
/// all else is refused with 505.
enum HTTPVersion: Sendable {
    case http10
    case http11
    case http2

    /// As in a start line: `HTTP/1.1`.
    var name: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2.0"
        }
    }
}

/// A request line and its fields; `target` is what stood on the wire, byte for byte.
struct RequestHead: Equatable, Sendable {
    var method: String
    var target: [UInt8]
    var version: HTTPVersion
    var fields: HeaderFields
}

/// A status line and its fields; `reason` is what stood on the wire, byte for byte, and may be empty.
struct ResponseHead: Equatable, Sendable {
    /// 100–999.
    var status: Int
    var reason: [UInt8]
    var version: HTTPVersion
    var fields: HeaderFields
}
