import COpenSSL

/// Parses the PEM text of a key and its certificates.
enum PEMFile {
    /// What is wrong with a file, as the end of a sentence that names the file.
    struct Broken: Error {
        let reason: String
    }

    static func key(in contents: [UInt8]) throws(Broken) -> PrivateKey {
        OpenSSLErrors.clear()
        // The callback replaces OpenSSL's prompt for a passphrase on the terminal.
        let key = MemoryBIO.reading(contents) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil) } ?? nil
        defer { OpenSSLErrors.clear() }
        if let key { return PrivateKey(owning: key) }
        let text = String(decoding: contents, as: UTF8.self)
        guard text.contains("PRIVATE KEY-----") else { throw Broken(reason: "it holds no private key") }
        guard !text.contains("ENCRYPTED") else {
            throw Broken(reason: "its private key is encrypted; only a key without passphrase can be used")
        }
        throw Broken(reason: "its private key cannot be read: \(OpenSSLErrors.takeReason())")
    }

    /// The certificates, in the order of the file.
    static func certificates(in contents: [UInt8]) throws(Broken) -> [X509Certificate] {
        OpenSSLErrors.clear()
        let certificates = MemoryBIO.reading(contents) { bio in
            var certificates: [X509Certificate] = []
            while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
                certificates.append(X509Certificate(owning: certificate))
            }
            return certificates
        }
        // The loop ends with "no start line"; any other error is a certificate that does not parse.
        if let error = OpenSSLErrors.take(), error.reasonCode != PEM_R_NO_START_LINE {
            throw Broken(reason: "a certificate in it cannot be read: \(error.reason)")
        }
        return certificates ?? []
    }

    /// The file's first certificate with its key, and the others as its chain.
    static func leaf(_ path: String) throws(TLSError) -> LeafCertificate {
        let contents: [UInt8]
        do {
            contents = try Files.read(path)
        } catch {
            throw TLSError(.settings, blame: .configuration, error.message)
        }
        do throws(Broken) {
            return try leaf(in: contents)
        } catch {
            throw TLSError(.settings, blame: .configuration, "\(path): \(error.reason)")
        }
    }

    /// The first certificate with its key, and the others as its chain.
    static func leaf(in contents: [UInt8]) throws(Broken) -> LeafCertificate {
        let certificates = try certificates(in: contents)
        let key = try key(in: contents)
        guard let certificate = certificates.first else { throw Broken(reason: "it holds no certificate") }
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        guard X509_check_private_key(certificate.pointer, key.pointer) == 1 else {
            throw Broken(reason: "its key does not belong to its first certificate (\(certificate.subject))")
        }
        guard let chain = try? CertificateChain(Array(certificates.dropFirst())) else {
            throw Broken(reason: "there is no memory for its chain")
        }
        return LeafCertificate(certificate: certificate, key: key, chain: chain)
    }
}
