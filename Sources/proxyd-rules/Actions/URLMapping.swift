/// Takes a URL to another one.
enum URLMapping: Sendable {
    /// All go to one.
    case constant(String)
    /// What begins so begins in another way, and goes on as it did.
    case prefix(from: String, to: String)
    /// Another server, and perhaps a folder on it; the path follows.
    case origin(String)

    /// The other URL; nil for one that this is not about.
    func mapped(_ url: String) -> String? {
        switch self {
        case .constant(let other): return other
        case .prefix(let from, let to):
            guard url.utf8.count >= from.utf8.count,
                String(decoding: url.utf8.prefix(from.utf8.count), as: UTF8.self).lowercased() == from.lowercased()
            else { return nil }
            return to + String(decoding: url.utf8.dropFirst(from.utf8.count), as: UTF8.self)
        case .origin(let other):
            let path = RequestURL(url)?.path ?? "/"
            return (other.hasSuffix("/") ? String(other.dropLast()) : other) + path
        }
    }
}

/// The parts of an absolute URL of HTTP.
struct RequestURL: Sendable, Equatable {
    var scheme: String
    /// In brackets if it is an IPv6 address.
    var host: String
    /// nil: that of the scheme.
    var port: Int?
    /// With the query; at least `/`.
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

    /// The host without brackets.
    var hostName: String { host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host }
}

/// Where a request is sent instead.
enum RemoteMap: Sendable {
    case mapping(URLMapping)
    /// One of mitmproxy's `map_remote`.
    case pattern(Substitution)

    func mapped(_ url: String) throws -> String? {
        switch self {
        case .mapping(let mapping): return mapping.mapped(url)
        case .pattern(let substitution):
            let mapped = try substitution.applied(to: Array(url.utf8)).map { String(decoding: $0, as: UTF8.self) }
            guard let mapped, mapped != url else { return nil }
            guard RequestURL(mapped) != nil else { throw ActionFailure("\(mapped) is no URL") }
            return mapped
        }
    }
}
