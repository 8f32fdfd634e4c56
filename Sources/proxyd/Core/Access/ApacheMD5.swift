import ProxyTLS

/// The password hash `$apr1$SALT$HASH` of Apache's `htpasswd -m`: the MD5 hash of FreeBSD's crypt under another name.
enum ApacheMD5 {
    static let magic = "$apr1$"

    /// The salt of a hash; nil when it is not such a hash.
    static func salt(of hash: String) -> String? {
        let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "apr1", (1...8).contains(parts[2].utf8.count), parts[3].utf8.count == 22
        else { return nil }
        return String(parts[2])
    }

    /// Hashes a password, in the form that `htpasswd` writes.
    static func hash(_ password: String, salt: String) -> String {
        let (password, saltBytes) = (Array(password.utf8), Array(salt.utf8))
        var digest = first(password, saltBytes)
        for round in 0..<1_000 {
            var input = round % 2 == 1 ? password : digest
            if round % 3 != 0 { input += saltBytes }
            if round % 7 != 0 { input += password }
            input += round % 2 == 1 ? digest : password
            digest = Digest.md5(input)
        }
        return "\(magic)\(salt)$\(text(of: digest))"
    }

    private static func first(_ password: [UInt8], _ salt: [UInt8]) -> [UInt8] {
        let other = Digest.md5(password + salt + password)
        var input = password + Array(magic.utf8) + salt
        for index in password.indices { input.append(other[index % other.count]) }
        var length = password.count
        while length > 0 {
            input.append(length % 2 == 1 ? 0 : password[0])
            length /= 2
        }
        return Digest.md5(input)
    }

    private static let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    /// Which bytes of the digest each group of letters encodes.
    private static let order = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)]

    private static func text(of digest: [UInt8]) -> String {
        let groups = order.map { letters(Int(digest[$0]) << 16 | Int(digest[$1]) << 8 | Int(digest[$2]), count: 4) }
        return groups.joined() + letters(Int(digest[11]), count: 2)
    }

    private static func letters(_ value: Int, count: Int) -> String {
        String((0..<count).map { alphabet[(value >> (6 * $0)) & 0x3F] })
    }
}
