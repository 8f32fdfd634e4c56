extension ClientHello {
    /// The JA4 fingerprint of a client over TCP, as FoxIO specifies it: protocol, version, name, counts and ALPN, then
    /// digests of the sorted cipher suites and of the sorted extensions with the signature algorithms.
    ///
    /// Reserved values (GREASE, RFC 8701) are left out everywhere.
    package var ja4: String {
        let ciphers = Self.withoutGREASE(cipherSuites)
        let extensions = Self.withoutGREASE(extensions)
        let name = extensions.contains(Self.serverNameExtension) ? "d" : "i"
        let counts = Self.twoDigits(ciphers.count) + Self.twoDigits(extensions.count)
        return "t\(versionCode)\(name)\(counts)\(alpnCode)_\(Self.digest(of: Self.list(ciphers.sorted())))"
            + "_\(Self.digest(of: extensionText(extensions)))"
    }

    private static let serverNameExtension: UInt16 = 0
    private static let alpnExtension: UInt16 = 16

    private var versionCode: String {
        switch Self.withoutGREASE(supportedVersions).max() ?? legacyVersion {
        case 0x0304: "13"
        case 0x0303: "12"
        case 0x0302: "11"
        case 0x0301: "10"
        case 0x0300: "s3"
        case 0x0002: "s2"
        default: "00"
        }
    }

    /// The first and the last character of the first protocol, or of its bytes in hexadecimal if one of them is
    /// not a letter or a digit.
    private var alpnCode: String {
        guard let first = firstALPNProtocol.first, let last = firstALPNProtocol.last else { return "00" }
        guard Self.isAlphanumeric(first), Self.isAlphanumeric(last) else {
            return String(Self.hex(first, digits: 2).prefix(1) + Self.hex(last, digits: 2).suffix(1))
        }
        return String(decoding: [first, last], as: UTF8.self)
    }

    private func extensionText(_ extensions: [UInt16]) -> String {
        let sorted = extensions.filter { $0 != Self.serverNameExtension && $0 != Self.alpnExtension }.sorted()
        let algorithms = Self.withoutGREASE(signatureAlgorithms)
        guard !sorted.isEmpty, !algorithms.isEmpty else { return Self.list(sorted) }
        return Self.list(sorted) + "_" + Self.list(algorithms)
    }

    /// The first 12 digits of the SHA-256 digest; zeros for no text.
    private static func digest(of text: String) -> String {
        guard !text.isEmpty else { return String(repeating: "0", count: 12) }
        return Digest.sha256(Array(text.utf8)).prefix(6).map { hex($0, digits: 2) }.joined()
    }

    private static func list(_ values: [UInt16]) -> String {
        values.map { hex($0, digits: 4) }.joined(separator: ",")
    }

    private static func hex(_ value: some FixedWidthInteger, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// The count in two digits; 99 if it is larger.
    private static func twoDigits(_ count: Int) -> String {
        count < 10 ? "0\(count)" : "\(min(count, 99))"
    }

    private static func withoutGREASE(_ values: [UInt16]) -> [UInt16] {
        values.filter { $0 & 0x0F0F != 0x0A0A || $0 >> 8 != $0 & 0xFF }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
