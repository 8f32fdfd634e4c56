import AddonProtocol
import CCrypt
import ProxyTLS

/// Users and their password hashes as `htpasswd` writes them, one `NAME:HASH` per line.
///
/// It supports Apache's MD5 (`$apr1$`), SHA-1 (`{SHA}`) and the hashes of crypt(3) that start with `$`: bcrypt
/// (`$2y$`), yescrypt (`$y$`), SHA-256 and SHA-512 (`$5$`, `$6$`) and others. It does not support plain text and the
/// old DES hashes.
struct HtpasswdFile: Sendable {
    /// A password hash, by its algorithm.
    enum Hash: Sendable, Equatable {
        case apacheMD5(String)
        /// The digest.
        case sha1([UInt8])
        case crypt(String)
    }

    /// Why a file cannot be used.
    struct Broken: Error, CustomStringConvertible {
        var description: String
    }

    /// The largest file that is read, in bytes.
    static let sizeLimit = 4 << 20

    private(set) var users: [String: Hash] = [:]

    /// Reads and parses a file.
    static func read(_ path: String) throws(Broken) -> HtpasswdFile {
        do {
            return try HtpasswdFile(parsing: readWholeFile(path, limit: sizeLimit))
        } catch let error as Broken {
            throw Broken(description: "\(path): \(error)")
        } catch {
            throw Broken(description: "\(path): \(error)")
        }
    }

    /// Ignores empty lines and those that begin with `#`. The first line for a user wins.
    init(parsing bytes: [UInt8]) throws(Broken) {
        let lines = bytes.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "\n") }
        for (index, line) in lines.enumerated() {
            guard let text = String(validating: line, as: UTF8.self) else {
                throw Broken(description: "line \(index + 1) is not UTF-8")
            }
            let entry = text.hasSuffix("\r") ? String(text.dropLast()) : text
            if entry.isEmpty || entry.hasPrefix("#") { continue }
            let (name, hash) = try Self.entry(entry, line: index + 1)
            if users[name] == nil { users[name] = hash }
        }
    }

    private static func entry(_ text: String, line: Int) throws(Broken) -> (String, Hash) {
        guard let entry = BasicCredentials(parsing: text) else {
            throw Broken(description: "line \(line) is not NAME:HASH")
        }
        guard let hash = Hash(entry.password) else {
            throw Broken(
                description:
                    "line \(line): the hash of \(entry.username) is not supported; use htpasswd -B, -m or -s"
            )
        }
        return (entry.username, hash)
    }

    /// Takes as long as the hash demands: with bcrypt, several milliseconds or more.
    func accepts(_ credentials: BasicCredentials) -> Bool {
        users[credentials.username]?.matches(credentials.password) ?? false
    }
}

extension HtpasswdFile.Hash {
    /// Reads a hash; nil when its algorithm is not supported.
    init?(_ text: String) {
        if text.hasPrefix(ApacheMD5.magic) {
            guard ApacheMD5.salt(of: text) != nil else { return nil }
            self = .apacheMD5(text)
        } else if text.hasPrefix("{SHA}") {
            guard let digest = Base64.decode(String(text.dropFirst(5))), digest.count == 20 else { return nil }
            self = .sha1(digest)
        } else {
            guard text.hasPrefix("$"), CCrypt_knows(text) == 1 else { return nil }
            self = .crypt(text)
        }
    }

    /// Whether the hash is that of the password.
    func matches(_ password: String) -> Bool {
        switch self {
        case .apacheMD5(let hash):
            guard let salt = ApacheMD5.salt(of: hash) else { return false }
            return equalInConstantTime(Array(ApacheMD5.hash(password, salt: salt).utf8), Array(hash.utf8))
        case .sha1(let digest):
            return equalInConstantTime(Digest.sha1(Array(password.utf8)), digest)
        case .crypt(let hash):
            guard !password.utf8.contains(0) else { return false }
            return CCrypt_matches(password, hash) == 1
        }
    }
}
