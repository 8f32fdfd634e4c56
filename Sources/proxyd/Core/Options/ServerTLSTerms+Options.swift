import ProxyTLS

extension ServerTLSTerms {
    /// What counts where no addon has it otherwise.
    init(_ options: Options) {
        verifies = !options.sslInsecure
        ciphers = options.ciphersServer
        minimumVersion = TLSVersionLimit(options.tlsVersionServerMin)
    }
}
