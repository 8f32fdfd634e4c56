/// What is made of options before they can be used: certificates of the user's own, and who may log in.
struct OptionMaterial: Sendable {
    /// The options that it is made of.
    static let names: Set<String> = ["certs", "client_certs", "ciphers_client", "ciphers_server", "proxyauth"]

    let tls: TLSMaterial
    /// Who may use the proxy; nil: everybody.
    let authenticator: ProxyAuthenticator?

    /// Reads the files that the options name.
    init(_ options: Options) throws(StartError) {
        tls = try TLSMaterial(options)
        authenticator = try options.proxyauth.map { setting throws(StartError) in try ProxyAuthenticator(setting) }
    }
}
