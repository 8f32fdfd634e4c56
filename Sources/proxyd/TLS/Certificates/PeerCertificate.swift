/// A certificate that the peer sent. Its fields are parsed on demand.
package struct PeerCertificate: Sendable {
    let certificate: X509Certificate

    /// The certificate in PEM.
    package var pem: String { certificate.pem }
    /// The subject in one line: `CN=example.com,O=Example`.
    package var subject: String { certificate.subject }
    /// The issuer in one line.
    package var issuer: String { certificate.issuer }
    /// The first common name of the subject; nil when there is none.
    package var commonName: String? { certificate.commonName }
    /// The DNS names among the subject alternative names, in order.
    package var dnsNames: [String] { certificate.dnsNames }
    /// The IP addresses among the subject alternative names, in order.
    package var ipAddresses: [IPAddress] { certificate.ipAddresses }
}
