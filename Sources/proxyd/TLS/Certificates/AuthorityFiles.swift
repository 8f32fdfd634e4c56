import COpenSSL

/// The authority's files in one directory.
struct AuthorityFiles {
    let directory: String

    private var authority: String { path("proxyd-ca.pem") }

    private func path(_ name: String) -> String { directory + "/" + name }

    func loadOrCreate() throws(TLSError) -> CertificateAuthority {
        try Files.makeDirectory(directory)
        if try Files.exists(authority) { return try load() }
        let (certificate, key) = try CertificateAuthority.create()
        guard let pem = Self.pem(of: key) else { throw OpenSSLErrors.internalFailure("PEM_write_bio_PrivateKey") }
        let isOurs = try Files.create(authority, contents: pem + Array(certificate.pem.utf8), mode: 0o600)
        // Another process may have been faster: its authority counts.
        guard isOurs else { return try load() }
        try writePublicFiles(certificate)
        return try CertificateAuthority(certificate: certificate, key: key)
    }

    private func load() throws(TLSError) -> CertificateAuthority {
        let contents = try Files.read(authority)
        let key = try parse { () throws(PEMFile.Broken) in try PEMFile.key(in: contents) }
        let certificates = try parse { () throws(PEMFile.Broken) in try PEMFile.certificates(in: contents) }
        guard let certificate = certificates.first else { throw broken("it holds no certificate") }
        try validate(certificate, key)
        if try !publicFilesAreCurrent(certificate) { try writePublicFiles(certificate) }
        return try CertificateAuthority(
            certificate: certificate,
            key: key,
            intermediates: Array(certificates.dropFirst())
        )
    }

    private func validate(_ certificate: X509Certificate, _ key: PrivateKey) throws(TLSError) {
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        guard X509_check_private_key(certificate.pointer, key.pointer) == 1 else {
            throw broken("its key does not belong to its first certificate (\(certificate.subject))")
        }
        guard certificate.isAuthority else {
            throw broken(
                "its certificate (\(certificate.subject)) is not a certificate authority's (CA:TRUE, keyCertSign)"
            )
        }
        guard !certificate.isExpired else {
            throw broken("its certificate (\(certificate.subject)) expired on \(certificate.notAfter)")
        }
    }

    private func parse<Value>(_ read: () throws(PEMFile.Broken) -> Value) throws(TLSError) -> Value {
        do throws(PEMFile.Broken) {
            return try read()
        } catch {
            throw broken(error.reason)
        }
    }

    private func publicFilesAreCurrent(_ certificate: X509Certificate) throws(TLSError) -> Bool {
        for name in ["proxyd-ca-cert.cer", "proxyd-ca-cert.p12"] where try !Files.exists(path(name)) { return false }
        let pem = path("proxyd-ca-cert.pem")
        guard try Files.exists(pem) else { return false }
        return try Files.read(pem) == Array(certificate.pem.utf8)
    }

    private func writePublicFiles(_ certificate: X509Certificate) throws(TLSError) {
        guard let p12 = Self.pkcs12(of: certificate) else { throw OpenSSLErrors.internalFailure("PKCS12_create") }
        let pem = Array(certificate.pem.utf8)
        try Files.replace(path("proxyd-ca-cert.cer"), contents: pem, mode: 0o644)
        try Files.replace(path("proxyd-ca-cert.p12"), contents: p12, mode: 0o644)
        // Last, since its contents tell whether all three are current.
        try Files.replace(path("proxyd-ca-cert.pem"), contents: pem, mode: 0o644)
    }

    private static func pem(of key: PrivateKey) -> [UInt8]? {
        MemoryBIO.bytes { PEM_write_bio_PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) == 1 }
    }

    /// Not encrypted, since it holds nothing secret, and with a SHA-1 MAC, the only one that older importers read.
    private static func pkcs12(of certificate: X509Certificate) -> [UInt8]? {
        guard let p12 = PKCS12_create("", "proxyd", nil, certificate.pointer, nil, -1, -1, 0, -1, 0) else { return nil }
        defer { PKCS12_free(p12) }
        guard PKCS12_set_mac(p12, "", 0, nil, 0, 2_048, EVP_sha1()) == 1 else { return nil }
        return MemoryBIO.bytes { i2d_PKCS12_bio($0, p12) == 1 }
    }

    private func broken(_ reason: String) -> TLSError {
        TLSError(
            .authorityFiles,
            blame: .configuration,
            "\(authority): \(reason). Mend it, or move it away to have a new authority made."
        )
    }
}
