import AddonProtocol

/// The four forms of a request target (RFC 9112, section 3.2).
package enum RequestTarget: Equatable, Sendable {
    /// `path` includes the query, as sent.
    case origin(path: [UInt8])
    /// The form that a client of a forward proxy sends. `scheme` is `http` or `https`. `path` includes the query, as sent; an empty
    /// path is `/`, or `*` for `OPTIONS` without path and query, since that is what is sent to the server (RFC 9112, sections 3.2.1
    /// and 3.2.4).
    case absolute(scheme: String, authority: Authority, path: [UInt8])
    /// Only for CONNECT.
    case authority(Authority)
    /// Only for OPTIONS.
    case asterisk

    /// Parses the target of a request.
    package init(_ head: RequestHead) throws(HTTP1Error) {
        let target = head.target
        switch target.first {
        case _ where head.method == "CONNECT":
            self = .authority(try Self.authority(target[...]))
        case UInt8(ascii: "/"):
            self = .origin(path: target)
        case UInt8(ascii: "*") where target.count == 1 && head.method == "OPTIONS":
            self = .asterisk
        default:
            try self.init(absolute: target, method: head.method)
        }
    }

    /// Parses an absolute-form target, or any other http or https URL without fragment and userinfo.
    package init(absolute target: [UInt8], method: String = "GET") throws(HTTP1Error) {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")), target[colon...].starts(with: "://".utf8),
            ByteClass.target.containsAll(target)
        else {
            throw HTTP1Error(
                .badTarget,
                "the request target \(quoted(target)) is neither a path that starts with \"/\" nor a URL"
            )
        }
        let scheme = String(decoding: target[..<colon].map(asciiLowercase), as: UTF8.self)
        guard scheme == "http" || scheme == "https" else {
            throw HTTP1Error(
                .badTarget,
                "the scheme of the request target \(quoted(target)) is not known; http and https are"
            )
        }
        let rest = target[(colon + 3)...]
        let authorityEnd = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = try Authority(parsing: rest[..<authorityEnd])
        let path = Self.path(rest[authorityEnd...], method: method)
        self = .absolute(scheme: scheme, authority: authority, path: path)
    }

    /// The port is required, since CONNECT has no scheme with a default (RFC 9112, section 3.2.3).
    private static func authority(_ target: ArraySlice<UInt8>) throws(HTTP1Error) -> Authority {
        let authority = try Authority(parsing: target)
        guard authority.port != nil else {
            throw HTTP1Error(
                .badTarget,
                "the target of CONNECT, \(quoted(target)), has no port; it must be \"host:port\""
            )
        }
        return authority
    }

    private static func path(_ bytes: ArraySlice<UInt8>, method: String) -> [UInt8] {
        switch bytes.first {
        case UInt8(ascii: "/"): [UInt8](bytes)
        case nil where method == "OPTIONS": [UInt8(ascii: "*")]
        default: [UInt8(ascii: "/")] + bytes
        }
    }
}
