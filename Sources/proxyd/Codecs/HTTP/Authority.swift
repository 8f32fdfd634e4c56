import AddonProtocol
import Glibc

/// A host and a port to which a request is sent (RFC 3986, section 3.2, without userinfo).
package struct Authority: Hashable, Sendable {
    /// A name or an address as written, with its case; an IPv6 address has no brackets.
    package var host: String
    /// 1–65535; nil: the default of the scheme.
    package var port: Int?

    /// An authority with this host and port, which are not checked.
    package init(host: String, port: Int?) {
        self.host = host
        self.port = port
    }

    /// Parses `host`, `host:port`, `[ipv6]` and `[ipv6]:port`.
    ///
    /// A name may contain letters, digits and `-._~`. The RFC allows more, but no DNS name uses it, and two parsers of a
    /// URL may disagree on a host with `%`, `,` or `@`.
    package init(parsing bytes: ArraySlice<UInt8>) throws(HTTP1Error) {
        let parts = try AuthorityParts(bytes)
        self.init(host: String(decoding: parts.host, as: UTF8.self), port: parts.port)
    }

    /// Throws what `init(parsing:)` would throw, without allocating.
    package static func check(_ bytes: ArraySlice<UInt8>) throws(HTTP1Error) {
        _ = try AuthorityParts(bytes)
    }

    /// Whether this is `host` or `host:port` as in a Host field.
    package static func isAuthority(_ bytes: [UInt8]) -> Bool {
        (try? AuthorityParts(bytes[...])) != nil
    }

    /// Whether a Host field in a message with this scheme names the same host and port.
    func isNamed(by bytes: ArraySlice<UInt8>, scheme: String) -> Bool {
        guard let parts = try? AuthorityParts(bytes) else { return false }
        return parts.port ?? Self.defaultPort(scheme: scheme) == port(scheme: scheme)
            && MessageRules.equalIgnoringCase(parts.host, host.utf8)
    }

    /// Whether this is the `host` of an authority: a name, or an IPv6 address without brackets.
    package static func isHost(_ host: String) -> Bool {
        let bytes = Array(host.utf8)
        return isIPv6Address(bytes[...]) || (!bytes.isEmpty && ByteClass.host.containsAll(bytes))
    }

    /// The port, or the default of the scheme: 443 for `https`, 80 for `http`.
    package func port(scheme: String) -> Int {
        port ?? Self.defaultPort(scheme: scheme)
    }

    /// The form in a Host field or a URL: an IPv6 address in brackets, the port only if it is not the default of the scheme.
    package func description(scheme: String) -> String {
        description(defaultPort: Self.defaultPort(scheme: scheme))
    }

    /// The form with the port, unless the port is nil or `defaultPort`.
    package func description(defaultPort: Int?) -> String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        guard let port, port != defaultPort else { return name }
        return name + ":" + String(port)
    }

    private static func defaultPort(scheme: String) -> Int {
        scheme == "https" ? 443 : 80
    }
}

/// An authority as slices of the bytes that it was parsed from.
private struct AuthorityParts {
    var host: ArraySlice<UInt8>
    /// nil: none is given, or nothing follows the colon.
    var port: Int?

    init(_ bytes: ArraySlice<UInt8>) throws(HTTP1Error) {
        let rest: ArraySlice<UInt8>
        if bytes.first == UInt8(ascii: "[") {
            let close = bytes.firstIndex(of: UInt8(ascii: "]")) ?? bytes.startIndex
            host = bytes[bytes.startIndex..<close].dropFirst()
            rest = bytes[close...].dropFirst()
            guard isIPv6Address(host) else { throw .badHost(bytes, "between brackets there must be an IPv6 address") }
        } else {
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            host = bytes[..<colon]
            rest = bytes[colon...]
            guard !host.isEmpty else { throw .badHost(bytes, "the host is missing") }
            guard ByteClass.host.containsAll(host) else {
                throw .badHost(bytes, "a host holds letters, digits and -._~ or is an IPv6 address in brackets")
            }
        }
        guard !rest.isEmpty else { return }
        guard rest.first == UInt8(ascii: ":") else { throw .badHost(bytes, "only \":port\" may follow the host") }
        try takePort(rest.dropFirst(), of: bytes)
    }

    private mutating func takePort(_ digits: ArraySlice<UInt8>, of bytes: ArraySlice<UInt8>) throws(HTTP1Error) {
        guard !digits.isEmpty else { return }
        guard let number = decimal(digits), (1...65535).contains(number) else {
            throw .badHost(bytes, "the port must be a number from 1 to 65535")
        }
        port = Int(number)
    }
}

extension HTTP1Error {
    fileprivate static func badHost(_ bytes: ArraySlice<UInt8>, _ reason: String) -> HTTP1Error {
        HTTP1Error(.badHost, "the host \(quoted(bytes)) is not one: \(reason)")
    }
}

/// Whether these are the characters of an IPv6 address, without brackets and without a zone.
private func isIPv6Address(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count < Int(INET6_ADDRSTRLEN), !bytes.contains(0) else { return false }
    return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) { address in
        inet_pton(AF_INET6, String(decoding: bytes, as: UTF8.self), address.baseAddress) == 1
    }
}
