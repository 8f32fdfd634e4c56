import Foundation

/// Certificates in PEM, as the files have them that programs trust.
struct CertificateBundle: Equatable {
    /// Where Linux systems keep what they trust.
    static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    let pem: String

    /// What a file has; nil when it cannot be read.
    static func read(_ path: String) -> CertificateBundle? {
        FileManager.default.contents(atPath: path).map { CertificateBundle(pem: String(decoding: $0, as: UTF8.self)) }
    }

    /// What the system trusts; empty when it has no file of it.
    static var system: CertificateBundle {
        systemPaths.lazy.compactMap(read).first ?? CertificateBundle(pem: "")
    }

    static func + (one: CertificateBundle, other: CertificateBundle) -> CertificateBundle {
        CertificateBundle(pem: one.pem + (one.pem.isEmpty || one.pem.hasSuffix("\n") ? "" : "\n") + other.pem)
    }

    /// Each certificate as DER (RFC 7468, section 5).
    var certificates: [[UInt8]] {
        pem.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().compactMap { part in
            let text = part.components(separatedBy: "-----END CERTIFICATE-----")[0]
            return Data(base64Encoded: text, options: .ignoreUnknownCharacters).map { Array($0) }
        }
    }
}
