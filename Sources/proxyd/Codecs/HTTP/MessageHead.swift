package import AddonProtocol

/// The supported versions of HTTP. In HTTP/1 (RFC 9112, section 2.3), 1.2 to 1.9 are treated as 1.1, and all others are
/// refused with 505.
package enum HTTPVersion: Sendable {
    case http10
    case http11
    case http2

    /// The form in a start line: `HTTP/1.1`.
    package var name: String {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2.0"
        }
    }
}

/// A request line and its fields; `target` has the bytes on the wire.
package struct RequestHead: Equatable, Sendable {
    /// The method, such as `GET`.
    package var method: String
    /// The request target, byte for byte.
    package var target: [UInt8]
    /// The version of HTTP.
    package var version: HTTPVersion
    /// The header fields.
    package var fields: HeaderFields

    /// A head with these parts, which are not checked.
    package init(method: String, target: [UInt8], version: HTTPVersion, fields: HeaderFields) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
    }
}

/// A status line and its fields; `reason` has the bytes on the wire, and may be empty.
package struct ResponseHead: Equatable, Sendable {
    /// The status code, 100–999.
    package var status: Int
    /// The reason phrase, byte for byte.
    package var reason: [UInt8]
    /// The version of HTTP.
    package var version: HTTPVersion
    /// The header fields.
    package var fields: HeaderFields

    /// A head with these parts, which are not checked.
    package init(status: Int, reason: [UInt8], version: HTTPVersion, fields: HeaderFields) {
        self.status = status
        self.reason = reason
        self.version = version
        self.fields = fields
    }
}
