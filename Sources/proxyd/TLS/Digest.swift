import COpenSSL

/// Digests of bytes. MD5 and SHA-1 are for old file formats; neither is to be used for anything new.
package enum Digest {
    package static func md5(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_md5(), count: 16) }
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha1(), count: 20) }
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha256(), count: 32) }

    private static func digest(_ bytes: [UInt8], _ type: OpaquePointer?, count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        EVP_Digest(bytes, bytes.count, &result, nil, type, nil)
        return result
    }
}
