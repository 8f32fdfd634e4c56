import COpenSSL

/// The files of a certificate authority, in one directory.
struct AuthorityFiles {
    let directory: String

    var authority: String { path("proxyd-ca.pem") }

    private func path(_ name: String) -> String { directory + "/" + name }

    func loadOrCreate() throws(TLSError) -> CertificateAuthority {
        try Files.makeDirectory(directory)
        if let authority = try load() {
            try updatePublicFiles(authority.certificate)
            return authority
        }
        let (certificate, key) = try CertificateAuthority.create()
        guard let pem = Self.pem(of: key) else { throw OpenSSLErrors.internalFailure("PEM_write_bio_PrivateKey") }
        _ = try Files.create(authority, contents: pem + Array(certificate.pem.utf8), mode: 0o600)
        // Another process may have been faster; then its authority counts.
        guard let made = try load() else { throw broken("it is gone again") }
        try updatePublicFiles(made.certificate)
        return made
    }

    /// Loads the authority without writing anything; nil when there is none.
    func load() throws(TLSError) -> CertificateAuthority? {
        guard try Files.exists(authority) else { return nil }
        let contents = try Files.read(authority)
        let key = try parse { () throws(PEMFile.Broken) in try PEMFile.key(in: contents) }
        let certificates = try parse { () throws(PEMFile.Broken) in try PEMFile.certificates(in: contents) }
        guard let certificate = certificates.first else { throw broken("it holds no certificate") }
        try validate(certificate, key)
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

    private func updatePublicFiles(_ certificate: X509Certificate) throws(TLSError) {
        guard try !publicFilesAreCurrent(certificate) else { return }
        // The last file tells whether all are current.
        for format in [CertificateFormat.p12, .cer, .pem] {
            try Files.replace(path(format.fileName), contents: certificate.bytes(as: format), mode: 0o644)
        }
    }

    private func publicFilesAreCurrent(_ certificate: X509Certificate) throws(TLSError) -> Bool {
        guard try Files.exists(path(CertificateFormat.p12.fileName)) else { return false }
        for format in [CertificateFormat.cer, .pem] {
            let file = path(format.fileName)
            guard try Files.exists(file), try Files.read(file) == certificate.bytes(as: format) else { return false }
        }
        return true
    }

    private static func pem(of key: PrivateKey) -> [UInt8]? {
        MemoryBIO.bytes { PEM_write_bio_PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) == 1 }
    }

    private func broken(_ reason: String) -> TLSError {
        TLSError(
            .authorityFiles,
            blame: .configuration,
            "\(authority): \(reason). Mend it, or move it away to have a new authority made."
        )
    }
}

extension X509Certificate {
    /// The certificate alone, without a key.
    func bytes(as format: CertificateFormat) throws(TLSError) -> [UInt8] {
        switch format {
        case .pem: return Array(pem.utf8)
        case .cer: return der
        case .p12:
            guard let bytes = pkcs12 else { throw OpenSSLErrors.internalFailure("PKCS12_create") }
            return bytes
        }
    }

    /// Not encrypted, since it contains nothing secret, and with a SHA-1 MAC, the only one that older importers accept.
    private var pkcs12: [UInt8]? {
        guard let p12 = PKCS12_create("", "proxyd", nil, pointer, nil, -1, -1, 0, -1, 0) else { return nil }
        defer { PKCS12_free(p12) }
        guard PKCS12_set_mac(p12, "", 0, nil, 0, 2_048, EVP_sha1()) == 1 else { return nil }
        return MemoryBIO.bytes { i2d_PKCS12_bio($0, p12) == 1 }
    }
}
