/// A form in which the authority's certificate is handed out, always without its key.
package enum CertificateFormat: String, CaseIterable, Sendable {
    /// Base64 between two lines (RFC 7468).
    case pem
    /// DER (X.690), for Windows and Android.
    case cer
    /// PKCS #12 (RFC 7292) with an empty password.
    case p12

    /// What it is called in the confdir, and as a download.
    package var fileName: String { "proxyd-ca-cert.\(rawValue)" }

    /// As mitmproxy gives it, by which browsers and phones know a certificate to install.
    package var mediaType: String {
        switch self {
        case .pem, .cer: "application/x-x509-ca-cert"
        case .p12: "application/x-pkcs12"
        }
    }

    package var isText: Bool { self == .pem }
}
