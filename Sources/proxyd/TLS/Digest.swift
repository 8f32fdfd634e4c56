import COpenSSL

/// Digests that old file formats are made of; none of them is to be used for anything new.
package enum Digest {
    package static func md5(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_md5(), count: 16) }
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, EVP_sha1(), count: 20) }

    private static func digest(_ bytes: [UInt8], _ type: OpaquePointer?, count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        EVP_Digest(bytes, bytes.count, &result, nil, type, nil)
        return result
    }
}
