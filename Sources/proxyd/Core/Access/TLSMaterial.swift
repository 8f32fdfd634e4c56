import ProxyTLS

/// The certificates and ciphers that the user supplies.
struct TLSMaterial: Sendable {
    private(set) var certificates = OwnCertificates()
    private(set) var clientCertificates: ClientCertificates?

    /// Loads the certificates and checks the ciphers that the options name.
    init(_ options: Options) throws(StartError) {
        try Self.explaining("certs") { () throws(TLSError) in
            for spec in options.certs { try certificates.add(spec.path.path, for: spec.domain) }
        }
        try Self.explaining("client_certs") { () throws(TLSError) in
            clientCertificates = try options.clientCerts.map { path throws(TLSError) in
                try ClientCertificates(path: path.path)
            }
        }
        for (name, ciphers) in [("ciphers_client", options.ciphersClient), ("ciphers_server", options.ciphersServer)] {
            guard let ciphers else { continue }
            try Self.explaining(name) { () throws(TLSError) in try CipherList.check(ciphers) }
        }
    }

    private static func explaining(_ option: String, _ body: () throws(TLSError) -> Void) throws(StartError) {
        do throws(TLSError) {
            try body()
        } catch {
            throw StartError("\(option): \(error.message)")
        }
    }
}
