import Foundation
import ProxyTLS

/// A Java key store of the type JKS with trusted certificates. Every version of Java reads it.
enum JavaTrustStore {
    static let password = "changeit"

    /// - Parameters:
    ///   - certificates: as DER.
    ///   - date: when they were added, in milliseconds since 1970.
    static func bytes(_ certificates: [[UInt8]], date: UInt64) -> [UInt8] {
        var bytes: [UInt8] = big(UInt32(0xfeed_feed)) + big(UInt32(2)) + big(UInt32(certificates.count))
        for (number, certificate) in certificates.enumerated() {
            bytes += big(UInt32(2)) + text("ca-\(number)") + big(date)
            bytes += text("X.509") + big(UInt32(certificate.count)) + certificate
        }
        let key = password.utf16.flatMap { big($0) } + Array("Mighty Aphrodite".utf8)
        return bytes + Digest.sha1(key + bytes)
    }

    private static func text(_ text: String) -> [UInt8] { big(UInt16(text.utf8.count)) + Array(text.utf8) }

    private static func big(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
