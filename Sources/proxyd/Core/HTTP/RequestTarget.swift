import AddonProtocol

/// The four forms of a request target (RFC 9112, section 3.2).
enum RequestTarget: Equatable, Sendable {
    enum Scheme: String, Sendable {
        case http
        case https

        var defaultPort: Int {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    /// `path` with its query, as sent.
    case origin(path: [UInt8])
    /// What a client of a forward proxy sends. `path` with its query as sent; `/` where it was empty, and `*` for
    /// `OPTIONS` without path and query: what then goes to the server (RFC 9112, sections 3.2.1 and 3.2.4).
    case absolute(Scheme, Authority, path: [UInt8])
    /// Of CONNECT.
    case authority(Authority)
    /// Of OPTIONS.
    case asterisk

    init(_ head: RequestHead) throws(HTTP1Error) {
        let target = head.target
        switch target.first {
        case _ where head.method == "CONNECT":
            self = .authority(try Authority(parsing: target[...], defaultPort: nil))
        case UInt8(ascii: "/"):
            self = .origin(path: target)
        case UInt8(ascii: "*") where target.count == 1 && head.method == "OPTIONS":
            self = .asterisk
        default:
            self = try Self.absolute(target, method: head.method)
        }
    }

    private static func absolute(_ target: [UInt8], method: String) throws(HTTP1Error) -> RequestTarget {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")), target[colon...].starts(with: "://".utf8) else {
            throw HTTP1Error(
                .badTarget,
                "the request target \(quoted(target)) is neither a path that starts with \"/\" nor a URL"
            )
        }
        let name = String(decoding: target[..<colon].map(asciiLowercase), as: UTF8.self)
        guard let scheme = Scheme(rawValue: name) else {
            throw HTTP1Error(
                .badTarget,
                "the scheme of the request target \(quoted(target)) is not known; http and https are"
            )
        }
        let rest = target[(colon + 3)...]
        let authorityEnd = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = try Authority(parsing: rest[..<authorityEnd], defaultPort: scheme.defaultPort)
        return .absolute(scheme, authority, path: path(rest[authorityEnd...], method: method))
    }

    private static func path(_ bytes: ArraySlice<UInt8>, method: String) -> [UInt8] {
        switch bytes.first {
        case UInt8(ascii: "/"): [UInt8](bytes)
        case nil where method == "OPTIONS": [UInt8(ascii: "*")]
        default: [UInt8(ascii: "/")] + bytes
        }
    }
}
