/// Protocol names in ALPN (RFC 7301).
package enum ALPN {
    /// HTTP/2 over TLS.
    package static let http2 = "h2"
    /// HTTP/1.1.
    package static let http1 = "http/1.1"

    /// The offers to a server for HTTP.
    package static func offers(http2 isAllowed: Bool) -> [String] {
        isAllowed ? [http2, http1] : [http1]
    }

    /// The offers to a server on behalf of a client that offers `names`. Other protocols stay as the client named them. The
    /// first HTTP version is replaced by both, since HTTP is translated between the versions.
    ///
    /// Names that are not UTF-8 are left out: RFC 8701 reserves them, so no server knows one.
    package static func offers(for names: [String], http2 isAllowed: Bool) -> [String] {
        var offers: [String] = []
        for name in names where !name.unicodeScalars.contains("\u{fffd}") {
            for name in isHTTP(name) ? Self.offers(http2: isAllowed) : [name] where !offers.contains(name) {
                offers.append(name)
            }
        }
        return offers
    }

    /// The protocols that a client that offers `names` may get.
    ///
    /// - Parameters:
    ///   - chosen: the server's choice; nil: none, or no server was asked.
    ///   - isAsked: whether a server was asked.
    package static func answers(to names: [String], chosen: String?, isAsked: Bool) -> [String] {
        guard let chosen else { return isAsked && namesOthers(names) ? [] : offers(http2: false) }
        return isHTTP(chosen) ? offers(http2: chosen == http2) : [chosen]
    }

    /// Whether the names include protocols that only the server can choose.
    package static func namesOthers(_ names: [String]) -> Bool {
        !names.allSatisfy(isHTTP)
    }

    /// Whether the name is one of HTTP's.
    package static func isHTTP(_ name: String) -> Bool { name == http2 || name == http1 }
}
