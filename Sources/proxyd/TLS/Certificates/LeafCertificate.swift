import COpenSSL

/// A server certificate with its key and its chain.
package final class LeafCertificate: Sendable {
    let certificate: X509Certificate
    let key: PrivateKey
    let chain: CertificateChain
    /// The SHA-256 of the certificate. A TLS session is resumed only with the certificate that it began with.
    let fingerprint: [UInt8]

    init(certificate: X509Certificate, key: PrivateKey, chain: CertificateChain) {
        self.certificate = certificate
        self.key = key
        self.chain = chain
        var digest = [UInt8](repeating: 0, count: 32)
        X509_digest(certificate.pointer, EVP_sha256(), &digest, nil)
        fingerprint = digest
    }

    /// The certificate in PEM, without the key.
    package var pem: String { certificate.pem }
}

/// The certificates that follow the leaf. Owns a stack; the stack only points at what `certificates` owns.
final class CertificateChain: @unchecked Sendable {
    let certificates: [X509Certificate]
    let stack: OpaquePointer

    init(_ certificates: [X509Certificate]) throws(TLSError) {
        guard let stack = COpenSSL_sk_X509_new() else { throw OpenSSLErrors.internalFailure("sk_X509_new") }
        for certificate in certificates { COpenSSL_sk_X509_push(stack, certificate.pointer) }
        self.certificates = certificates
        self.stack = stack
    }

    deinit { COpenSSL_sk_X509_free(stack) }
}
