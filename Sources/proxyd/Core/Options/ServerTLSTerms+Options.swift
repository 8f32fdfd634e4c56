import ProxyTLS

extension ServerTLSTerms {
    /// The terms that apply unless an addon changes them.
    init(_ options: Options) {
        verifies = !options.sslInsecure
        ciphers = options.ciphersServer
        minimumVersion = TLSVersionLimit(options.tlsVersionServerMin)
    }
}
