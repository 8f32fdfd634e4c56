import Foundation

/// Certificates in PEM, as in the files of certificates that programs trust.
struct CertificateBundle: Equatable {
    /// Where Linux distributions keep the certificates that the system trusts.
    static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    let pem: String

    /// The bundle in a file; nil when it cannot be read.
    static func read(_ path: String) -> CertificateBundle? {
        FileManager.default.contents(atPath: path).map { CertificateBundle(pem: String(decoding: $0, as: UTF8.self)) }
    }

    /// The certificates that the system trusts; empty when there is no file of them.
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
