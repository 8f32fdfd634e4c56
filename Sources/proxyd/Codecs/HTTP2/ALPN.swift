/// Protocol names of ALPN (RFC 7301).
package enum ALPN {
    package static let http2 = "h2"
    package static let http1 = "http/1.1"

    /// What is offered to a server for HTTP.
    package static func offers(http2 isAllowed: Bool) -> [String] {
        isAllowed ? [http2, http1] : [http1]
    }

    /// What is offered to a server for a client that offers `names`: other protocols as the client named them, and in the
    /// place of the first of HTTP both, since HTTP is passed on from either version to the other.
    ///
    /// Names that are no UTF-8 are left out: RFC 8701 reserves them, so that no server knows one.
    package static func offers(for names: [String], http2 isAllowed: Bool) -> [String] {
        var offers: [String] = []
        for name in names where !name.unicodeScalars.contains("\u{fffd}") {
            for name in isHTTP(name) ? Self.offers(http2: isAllowed) : [name] where !offers.contains(name) {
                offers.append(name)
            }
        }
        return offers
    }

    /// What a client that offers `names` may be given.
    ///
    /// - Parameter chosen: what its server has chosen; nil: nothing, or no server was asked.
    package static func answers(to names: [String], chosen: String?, isAsked: Bool) -> [String] {
        guard let chosen else { return isAsked && namesOthers(names) ? [] : offers(http2: false) }
        return isHTTP(chosen) ? offers(http2: chosen == http2) : [chosen]
    }

    /// Whether there are protocols among the names that only the server can choose.
    package static func namesOthers(_ names: [String]) -> Bool {
        !names.allSatisfy(isHTTP)
    }

    package static func isHTTP(_ name: String) -> Bool { name == http2 || name == http1 }
}
