import AddonProtocol
import ProxyCodecs

/// Kinds whose values are written as a single text.
extension OptionKind {
    /// A list of values that `parse` reads and `text` writes.
    static func list<Element>(
        allowed: String,
        parse: @escaping @Sendable (String) -> Element?,
        text: @escaping @Sendable (Element) -> String
    ) -> Self where Value == [Element] {
        Self(
            type: .stringList,
            allowed: allowed,
            decode: { json in
                guard let elements = json.arrayValue else { return nil }
                let values = elements.compactMap { $0.stringValue.flatMap(parse) }
                return values.count == elements.count ? values : nil
            },
            encode: { .array($0.map { .string(text($0)) }) },
            culprit: { json in json.arrayValue?.first { $0.stringValue.flatMap(parse) == nil } ?? json }
        )
    }

    /// An optional value that `parse` reads and `text` writes.
    static func optional<Wrapped>(
        allowed: String,
        parse: @escaping @Sendable (String) -> Wrapped?,
        text: @escaping @Sendable (Wrapped) -> String
    ) -> Self where Value == Wrapped? {
        Self(
            type: .optionalString,
            allowed: allowed,
            decode: { json in
                if json.isNull { return .some(nil) }
                return json.stringValue.flatMap(parse).map { .some($0) }
            },
            encode: { $0.map { .string(text($0)) } ?? .null }
        )
    }
}

extension OptionKind where Value == [UserPath] {
    static var paths: Self {
        .list(
            allowed: "a list of paths",
            parse: { $0.isEmpty || $0.unicodeScalars.contains("\0") ? nil : UserPath($0) },
            text: \.text
        )
    }
}

extension OptionKind where Value == [ProxyMode] {
    static var modes: Self {
        .list(allowed: ProxyMode.allowed, parse: { ProxyMode(parsing: $0) }, text: \.text)
    }
}

extension OptionKind where Value == [CertificateSpec] {
    static var certificates: Self {
        .list(
            allowed: "a list of [DOMAIN=]PATH, with a DOMAIN such as example.com, *.example.com or *",
            parse: { CertificateSpec(parsing: $0) },
            text: \.text
        )
    }
}

extension OptionKind where Value == ProxyAuthSetting? {
    static var proxyAuth: Self {
        .optional(allowed: ProxyAuthSetting.allowed, parse: { ProxyAuthSetting(parsing: $0) }, text: \.text)
    }
}

extension OptionKind where Value == BasicCredentials? {
    static var credentials: Self {
        .optional(
            allowed: "USER:PASSWORD, or nothing",
            parse: { BasicCredentials(parsing: $0) },
            text: { "\($0.username):\($0.password)" }
        )
    }
}

extension OptionKind where Value == String? {
    static var ciphers: Self {
        .optional(
            allowed: "a list of ciphers in OpenSSL's syntax, or nothing",
            parse: { $0.isEmpty || $0.unicodeScalars.contains("\0") ? nil : $0 },
            text: { $0 }
        )
    }

    /// A host name, in lower case.
    static var hostName: Self {
        .optional(
            allowed: "a host name such as proxyd.test, or nothing",
            parse: { Authority.isHost($0) && !$0.contains(":") ? $0.lowercased() : nil },
            text: { $0 }
        )
    }

    static var groupName: Self {
        .optional(
            allowed: "the name or number of a group, or nothing",
            parse: { $0.isEmpty || $0.unicodeScalars.contains("\0") ? nil : $0 },
            text: { $0 }
        )
    }
}

extension OptionKind where Value == [AddressBlock] {
    static var addressBlocks: Self {
        .list(
            allowed:
                "a list of networks such as 10.0.0.0/8 or 2001:db8::/32, addresses, private, loopback and link_local",
            parse: { AddressBlock(parsing: $0) },
            text: \.text
        )
    }
}
