package import AddonProtocol

/// Hop-by-hop fields, which are meant for the next hop only (RFC 9110, section 7.6.1).
extension MessageRules {
    /// Which kind of message the fields belong to.
    package enum Direction: Sendable {
        case request
        case response
    }

    /// Removes what was meant for this proxy:
    /// - Connection, and the fields that it names, but never one of `endToEnd`;
    /// - Keep-Alive, Proxy-Connection and TE; of TE `trailers` stays, announced in Connection, since trailers are forwarded;
    /// - Upgrade, unless `keepingUpgrade`: then it stays, announced in Connection;
    /// - from a request Proxy-Authorization, from a response Proxy-Authenticate and Proxy-Authentication-Info.
    ///
    /// `setFraming` handles Trailer and Transfer-Encoding, together with the body's framing.
    package static func removeHopByHop(
        from fields: inout HeaderFields,
        of direction: Direction,
        keepingUpgrade: Bool = false
    ) {
        let named = removableOptions(in: fields)
        let keepsTrailers = direction == .request && fields.hasElement("trailers", in: "te")
        let keepsUpgrade = keepingUpgrade && fields.contains("upgrade")
        fields.removeAll { fields, index in
            switch hop(of: fields, at: index, direction) {
            case .endToEnd: named.contains { fields.isNamed($0, at: index) }
            case .connection: !(keepsTrailers || keepsUpgrade)
            case .te: !keepsTrailers
            case .upgrade: !keepsUpgrade
            case .always: true
            }
        }
        if keepsTrailers { setUnlessEqual("TE", "trailers", in: &fields) }
        switch (keepsTrailers, keepsUpgrade) {
        case (true, true): setUnlessEqual("Connection", "Upgrade, TE", in: &fields)
        case (true, false): setUnlessEqual("Connection", "TE", in: &fields)
        case (false, true): setUnlessEqual("Connection", "Upgrade", in: &fields)
        case (false, false): break
        }
    }

    /// The removable fields that Connection names; connection options that are not fields are left out.
    private static func removableOptions(in fields: HeaderFields) -> [ArraySlice<UInt8>] {
        var options: [ArraySlice<UInt8>] = []
        fields.forEachElement(of: "connection") { option in
            let stays =
                connectionOptions.contains { isEqual(option, ignoringCase: $0) }
                || endToEnd.contains { isEqual(option, ignoringCase: $0) }
            if !stays { options.append(option) }
        }
        return options
    }

    /// Common connection options; the fields among them are removed in any case.
    private static let connectionOptions: [StaticString] = ["keep-alive", "close", "upgrade", "te"]

    /// Fields that Connection cannot remove even if it names them, since framing, routing, meaning or authorization of the
    /// message depends on them. Otherwise a client could hide them from the server behind this proxy.
    private static let endToEnd: [StaticString] = [
        "host", "content-length", "transfer-encoding", "content-type", "content-encoding", "content-range", "range",
        "expect", "trailer", "authorization", "www-authenticate", "cookie", "set-cookie", "cache-control", "location",
        "origin", "via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    ]
}

extension MessageRules {
    private enum Hop {
        case endToEnd
        case connection
        case te
        case upgrade
        case always
    }

    private static func hop(of fields: HeaderFields, at index: Int, _ direction: Direction) -> Hop {
        switch fields.nameCount(at: index) {
        case 2 where fields.isNamed("te", at: index): .te
        case 7 where fields.isNamed("upgrade", at: index): .upgrade
        case 10 where fields.isNamed("connection", at: index): .connection
        case 10 where fields.isNamed("keep-alive", at: index): .always
        case 16 where fields.isNamed("proxy-connection", at: index): .always
        case 19 where direction == .request && fields.isNamed("proxy-authorization", at: index): .always
        case 18 where direction == .response && fields.isNamed("proxy-authenticate", at: index): .always
        case 25 where direction == .response && fields.isNamed("proxy-authentication-info", at: index): .always
        default: .endToEnd
        }
    }

    /// Replaces all values with one, keeping the case of the field's name, unless that is the value already.
    private static func setUnlessEqual(_ name: String, _ value: String, in fields: inout HeaderFields) {
        let old = (0..<fields.count).filter { fields.isNamed(name.utf8, at: $0) }
        if old.count == 1, equalIgnoringCase(fields.value(at: old[0]), value.utf8) { return }
        fields.set(name, value)
    }
}
