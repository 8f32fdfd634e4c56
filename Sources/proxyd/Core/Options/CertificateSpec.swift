/// One value of `certs`, `[DOMAIN=]PATH`: a certificate of the user's own and the domain that it serves.
package struct CertificateSpec: Sendable, Equatable {
    /// A host name, a wildcard such as `*.example.com`, or `*` for all.
    package var domain: String
    /// The PEM file with the key, the certificate and its chain.
    package var path: UserPath

    init?(parsing text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let path = parts.last, !path.isEmpty, !text.unicodeScalars.contains("\0") else { return nil }
        domain = parts.count == 2 ? parts[0] : "*"
        self.path = UserPath(path)
        guard !domain.isEmpty else { return nil }
    }

    var text: String { domain == "*" ? path.text : "\(domain)=\(path.text)" }
}
