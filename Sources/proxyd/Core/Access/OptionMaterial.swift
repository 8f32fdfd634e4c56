/// What is loaded for the options before they take effect: the user's certificates, and who may log in.
struct OptionMaterial: Sendable {
    /// The options that it depends on.
    static let names: Set<String> = ["certs", "client_certs", "ciphers_client", "ciphers_server", "proxyauth"]

    let tls: TLSMaterial
    /// Decides who may use the proxy; nil means everybody.
    let authenticator: ProxyAuthenticator?

    /// Reads the files that the options name.
    init(_ options: Options) throws(StartError) {
        tls = try TLSMaterial(options)
        authenticator = try options.proxyauth.map { setting throws(StartError) in try ProxyAuthenticator(setting) }
    }
}
