/// A file format for the authority's certificate, which never contains its key.
package enum CertificateFormat: String, CaseIterable, Sendable {
    /// PEM: Base64 between two lines (RFC 7468).
    case pem
    /// DER (X.690), for Windows and Android.
    case cer
    /// PKCS #12 (RFC 7292) with an empty password.
    case p12

    /// The name of the file in the confdir, and as a download.
    package var fileName: String { "proxyd-ca-cert.\(rawValue)" }

    /// The media type that mitmproxy uses, by which browsers and phones recognise a certificate to install.
    package var mediaType: String {
        switch self {
        case .pem, .cer: "application/x-x509-ca-cert"
        case .p12: "application/x-pkcs12"
        }
    }

    /// Whether the format is text, and so fit for a terminal.
    package var isText: Bool { self == .pem }
}
