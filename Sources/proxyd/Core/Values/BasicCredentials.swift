import AddonProtocol

/// A user name and password for Basic authentication (RFC 7617).
package struct BasicCredentials: Hashable, Sendable {
    /// The name, which has no colon.
    package var username: String
    /// The password.
    package var password: String

    /// Creates credentials.
    package init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// Reads `NAME:PASSWORD`, split at the first colon.
    init?(parsing text: String) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
        self.init(username: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
    }

    /// Reads the value of an Authorization or Proxy-Authorization field; nil when its scheme is another or it is
    /// malformed.
    init?(field: ArraySlice<UInt8>) {
        let parts = field.split(separator: UInt8(ascii: " "), maxSplits: 1)
        guard parts.count == 2, isEqual(parts[0], ignoringCase: "basic"),
            let decoded = Base64.decode(String(decoding: parts[1].trimmingOptionalWhitespace(), as: UTF8.self)),
            let text = String(validating: decoded, as: UTF8.self)
        else { return nil }
        self.init(parsing: text)
    }

    /// The field value that carries the credentials.
    var field: String {
        "Basic " + String(decoding: Base64.encode(Array("\(username):\(password)".utf8)), as: UTF8.self)
    }

    /// `["name", "password"]`, as in a flow's `metadata.proxyauth`.
    var json: JSONValue { [.string(username), .string(password)] }

    /// Compares in constant time, so that the time taken does not show where the two differ.
    func matches(_ other: BasicCredentials) -> Bool {
        let names = equalInConstantTime(Array(username.utf8), Array(other.username.utf8))
        let passwords = equalInConstantTime(Array(password.utf8), Array(other.password.utf8))
        return names && passwords
    }
}

/// Compares in a time that depends only on the length of `left`.
func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(into: UInt8(0)) { difference, pair in difference |= pair.0 ^ pair.1 } == 0
}
