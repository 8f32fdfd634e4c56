package import AddonProtocol

/// What HTTP requires a proxy to do with a head that it receives or forwards. Fields that a rule does not concern keep their
/// place, case and bytes; a head that is correct already is not changed.
package enum MessageRules {
    /// A request has one Host field with a host; only in HTTP/1.0 may it be missing (RFC 9112, section 3.2).
    static func checkHost(_ fields: HeaderFields, version: HTTPVersion) throws(HTTP1Error) {
        var found: ArraySlice<UInt8>?
        try fields.forEachIndex(of: "host") { index throws(HTTP1Error) in
            guard found == nil else {
                throw HTTP1Error(.badHost, "more than one Host field; a request has one")
            }
            found = fields.value(at: index)
        }
        guard let host = found else {
            if version == .http10 { return }
            throw HTTP1Error(.badHost, "no Host field; a request of HTTP/1.1 must have one")
        }
        if !host.isEmpty { try Authority.check(host) }
    }

    /// Makes Host name the server that the request's absolute-form target names (RFC 9112, section 3.2.2).
    ///
    /// An equivalent Host is left as it was written; a missing one is inserted before all other fields.
    package static func setHost(_ authority: Authority, scheme: String, in fields: inout HeaderFields) {
        guard let old = fields.first("host") else {
            fields.insert("Host", authority.description(scheme: scheme))
            return
        }
        if authority.isNamed(by: old, scheme: scheme) { return }
        fields.set("host", authority.description(scheme: scheme))
    }

    static func equalIgnoringCase(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
        left.elementsEqual(right) { asciiLowercase($0) == asciiLowercase($1) }
    }
}

// MARK: - Persistence

extension RequestHead {
    /// Whether the client wants the connection to stay open after the response (RFC 9112, section 9.3).
    ///
    /// The RFC requires a proxy to close the connections of HTTP/1.0 clients, in case an intermediary does not understand
    /// Connection. `Connection: keep-alive` is honoured here, because clients that send it to a proxy (`ab`) exist, and
    /// such intermediaries do not.
    package var keepsAlive: Bool { MessageRules.keepsAlive(version, fields) }
}

extension ResponseHead {
    /// Whether the server leaves the connection open after this response, unless its body is `untilClose`.
    package var keepsAlive: Bool { MessageRules.keepsAlive(version, fields) }
}

extension MessageRules {
    fileprivate static func keepsAlive(_ version: HTTPVersion, _ fields: HeaderFields) -> Bool {
        if fields.hasElement("close", in: "connection") { return false }
        return version == .http11 || fields.hasElement("keep-alive", in: "connection")
    }

    /// Tells a peer of this version whether the connection stays open, unless the version's default says so already.
    package static func setPersistence(_ keepsAlive: Bool, with peer: HTTPVersion, in fields: inout HeaderFields) {
        switch (peer, keepsAlive) {
        case (.http11, true), (.http10, false), (.http2, _): return
        case (.http11, false): addConnectionOption("close", to: &fields)
        case (.http10, true): addConnectionOption("keep-alive", to: &fields)
        }
    }

    private static func addConnectionOption(_ option: StaticString, to fields: inout HeaderFields) {
        if fields.hasElement(option, in: "connection") { return }
        var options: [String] = []
        fields.forEachElement(of: "connection") { options.append(String(decoding: $0, as: UTF8.self)) }
        fields.set("Connection", (options + [String(describing: option)]).joined(separator: ", "))
    }
}
