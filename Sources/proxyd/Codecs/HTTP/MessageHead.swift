package import AddonProtocol

/// The versions of HTTP that are spoken here. Of others in HTTP/1 (RFC 9112, section 2.3) 1.2 to 1.9 are read as 1.1, and
/// all else is refused with 505.
package enum HTTPVersion: Sendable {
    case http10
    case http11
    case http2

    /// As in a start line: `HTTP/1.1`.
    package var name: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2.0"
        }
    }
}

/// A request line and its fields; `target` is what stood on the wire, byte for byte.
package struct RequestHead: Equatable, Sendable {
    package var method: String
    package var target: [UInt8]
    package var version: HTTPVersion
    package var fields: HeaderFields

    package init(method: String, target: [UInt8], version: HTTPVersion, fields: HeaderFields) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
    }
}

/// A status line and its fields; `reason` is what stood on the wire, byte for byte, and may be empty.
package struct ResponseHead: Equatable, Sendable {
    /// 100–999.
    package var status: Int
    package var reason: [UInt8]
    package var version: HTTPVersion
    package var fields: HeaderFields

    package init(status: Int, reason: [UInt8], version: HTTPVersion, fields: HeaderFields) {
        self.status = status
        self.reason = reason
        self.version = version
        self.fields = fields
    }
}
