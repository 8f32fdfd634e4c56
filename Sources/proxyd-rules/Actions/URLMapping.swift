import Glibc

/// Maps a URL to another one.
enum URLMapping: Sendable {
    /// Every URL maps to this one.
    case constant(String)
    /// Replaces a prefix, and keeps the rest.
    case prefix(from: String, to: String)
    /// Another server, and optionally a folder on it, to which the path is appended.
    case origin(String)

    /// The new URL; nil when the mapping does not apply to this one.
    func mapped(_ url: String) -> String? {
        switch self {
        case .constant(let other): return other
        case .prefix(let from, let to): return Self.rest(of: url, after: from).map { to + $0 }
        case .origin(let other):
            let path = RequestURL(url)?.path ?? "/"
            return (other.hasSuffix("/") ? String(other.dropLast()) : other) + path
        }
    }

    /// The rest after the prefix. Case does not count in the scheme and the host (RFC 3986, section 6.2.2.1), and only a whole host matches.
    private static func rest(of url: String, after from: String) -> String? {
        let place = RequestURL.placeLength(of: from)
        let (bytes, beginning) = (url.utf8, from.utf8)
        let rest = bytes.dropFirst(beginning.count)
        guard bytes.count >= beginning.count,
            String(decoding: bytes.prefix(place), as: UTF8.self).lowercased()
                == String(decoding: beginning.prefix(place), as: UTF8.self).lowercased(),
            bytes.dropFirst(place).starts(with: beginning.dropFirst(place)),
            place < beginning.count || rest.first.map("/:?#".utf8.contains) ?? true
        else { return nil }
        return String(decoding: rest, as: UTF8.self)
    }
}

/// The parts of an absolute HTTP URL.
struct RequestURL: Sendable, Equatable {
    var scheme: String
    /// The host; an IPv6 address is in brackets.
    var host: String
    /// The port; nil: the default of the scheme.
    var port: Int?
    /// The path with the query, at least `/`.
    var path: String

    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        scheme = text[..<colon].lowercased()
        let rest = text[colon...].dropFirst(3)
        let authority = rest.prefix { !"/?#".contains($0) }
        let tail = rest[authority.endIndex...].prefix { $0 != "#" }
        path = tail.hasPrefix("/") ? String(tail) : "/" + tail
        let place = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let closing = place.lastIndex(of: "]") ?? place.startIndex
        let separator = place[closing...].firstIndex(of: ":")
        host = String(place[..<(separator ?? place.endIndex)])
        if let separator {
            guard let number = Int(place[place.index(after: separator)...]), (1...65535).contains(number) else {
                return nil
            }
            port = number
        }
        guard ["http", "https"].contains(scheme), !host.isEmpty else { return nil }
    }

    /// The length of the scheme and the authority, in bytes.
    static func placeLength(of text: String) -> Int {
        guard let start = text.firstRange(of: "://")?.upperBound else { return text.utf8.count }
        let end = text[start...].firstIndex { "/?#".contains($0) } ?? text.endIndex
        return text.utf8.distance(from: text.startIndex, to: end)
    }

    /// Whether a request can be sent to this URL: its host is a name or an address, it has no userinfo, and nothing needs
    /// encoding.
    static func takesRequests(_ text: String) -> Bool {
        guard let url = RequestURL(text), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return false }
        let port = url.port.map { ":\($0)" } ?? ""
        guard "\(url.scheme)://\(url.host)\(port)".utf8.count == placeLength(of: text) else { return false }
        guard url.host.hasPrefix("[") else { return url.host.utf8.allSatisfy(isOfHost) }
        var address = in6_addr()
        return url.host.hasSuffix("]") && inet_pton(AF_INET6, url.hostName, &address) == 1
    }

    private static func isOfHost(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "0"..."9", "a"..."z", "A"..."Z", "-", ".", "_", "~": true
        default: false
        }
    }

    /// The host without brackets.
    var hostName: String { host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host }
}

/// Where a request is sent instead.
enum RemoteMap: Sendable {
    case mapping(URLMapping)
    /// A line of mitmproxy's `map_remote`.
    case pattern(Substitution)

    func mapped(_ url: String) throws -> String? {
        switch self {
        case .mapping(let mapping): return try mapping.mapped(url).map(Self.checked)
        case .pattern(let substitution):
            let mapped = try substitution.applied(to: Array(url.utf8)).map { String(decoding: $0, as: UTF8.self) }
            guard let mapped, mapped != url else { return nil }
            return try Self.checked(mapped)
        }
    }

    /// Maps the URL, on a separate thread if a pattern is searched for.
    func mapped(apartIfLong url: String) async throws -> String? {
        switch self {
        case .mapping: try mapped(url)
        case .pattern: try await apart { try mapped(url) }
        }
    }

    private static func checked(_ url: String) throws(ActionFailure) -> String {
        guard RequestURL.takesRequests(url) else {
            throw ActionFailure("\(url) is not a URL that a request can be sent to; the request is unchanged")
        }
        return url
    }
}
