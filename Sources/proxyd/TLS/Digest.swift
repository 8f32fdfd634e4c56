import COpenSSL

/// Digests of bytes. MD5 and SHA-1 are for old file formats only; do not use them for anything new.
package enum Digest {
    /// The MD5 digest (RFC 1321), 16 bytes.
    package static func md5(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_md5(), count: 16) }
    /// The SHA-1 digest (FIPS 180-4), 20 bytes.
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha1(), count: 20) }
    /// The SHA-256 digest (FIPS 180-4), 32 bytes.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha256(), count: 32) }

    private static func digest(_ bytes: [UInt8], _ type: OpaquePointer?, count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        EVP_Digest(bytes, bytes.count, &result, nil, type, nil)
        return result
    }
}
