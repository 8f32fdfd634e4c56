/// Reads the URLs that requests are sent to.
enum URLReader {
    /// A URL, or `{from, to}`.
    static func mapRemote(_ value: RuleValue) throws(RuleError) -> URLMapping {
        guard value.isMapping else { return .origin(try base(value)) }
        let members = try value.members(["from", "to"])
        guard let to = members["to"] else { throw value.fault("map-remote needs to, a URL") }
        guard let from = members["from"] else { return .origin(try base(to)) }
        let beginning = try url(from)
        return .prefix(from: beginning, to: try beginning.contains("?") ? url(to) : base(to))
    }

    /// A URL to which a path can be appended.
    private static func base(_ value: RuleValue) throws(RuleError) -> String {
        let text = try url(value)
        guard !text.contains("?") else { throw value.fault("a path follows this URL, so it cannot have a query") }
        return text
    }

    /// A URL, or `{to, from?, status?}`.
    static func redirect(_ value: RuleValue) throws(RuleError) -> Redirect {
        guard value.isMapping else { return Redirect(target: .constant(try place(value)), status: 302) }
        let members = try value.members(["from", "to", "status"])
        guard let to = members["to"] else { throw value.fault("redirect needs to, a URL") }
        let status = try members["status"].map { value throws(RuleError) in
            try value.integer(in: 300...399, "a status")
        }
        let target: URLMapping
        if let from = members["from"] {
            target = .prefix(from: try url(from), to: try place(to))
        } else {
            target = .constant(try place(to))
        }
        return Redirect(target: target, status: status ?? 302)
    }

    private static func url(_ value: RuleValue) throws(RuleError) -> String {
        let allowed = "a URL that begins with http:// or https://"
        let text = try value.text(allowed)
        guard RequestURL.takesRequests(text), !text.contains("#") else {
            throw value.refused(allowed)
        }
        return text
    }

    /// A URL, or a path on the same server.
    private static func place(_ value: RuleValue) throws(RuleError) -> String {
        let text = try value.text("a URL")
        guard HeaderEdit.isValue(text), !text.isEmpty else { throw value.refused("a URL") }
        return text
    }
}
