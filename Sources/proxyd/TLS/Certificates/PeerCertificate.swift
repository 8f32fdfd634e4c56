/// A certificate that the peer sent. The fields are read from it when asked for.
package struct PeerCertificate: Sendable {
    let certificate: X509Certificate

    package var pem: String { certificate.pem }
    /// One line, as `CN=example.com,O=Example`.
    package var subject: String { certificate.subject }
    package var issuer: String { certificate.issuer }
    package var commonName: String? { certificate.commonName }
    /// The DNS names among the subject alternative names, in order.
    package var dnsNames: [String] { certificate.dnsNames }
    /// The IP addresses among the subject alternative names, in order.
    package var ipAddresses: [IPAddress] { certificate.ipAddresses }
}
