/// The variables that tell programs about a proxy and the CA to trust.
struct ClientEnvironment {
    /// Variables whose certificates replace the system's.
    static let bundles = [
        "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE",
        "CARGO_HTTP_CAINFO", "PERL_LWP_SSL_CA_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "HTTPLIB2_CA_CERTS",
        "NIX_SSL_CERT_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    ]
    /// Variables whose certificates are added to the system's.
    static let additions = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]
    private static let proxies = ["http_proxy", "https_proxy", "all_proxy"]
    private static let exceptions = ["no_proxy"]

    /// The proxy's URL, with the login if the proxy requires one.
    var proxy: String
    var host: String
    var port: Int
    /// The file for each variable of `bundles` and `additions`.
    var bundle: (String) -> String
    var javaTrustStore: String
    var nodeScript: String

    /// - Parameter inherited: the existing variables.
    func variables(over inherited: [String: String]) -> [String: String] {
        var variables = inherited
        for name in Self.proxies { (variables[name], variables[name.uppercased()]) = (proxy, proxy) }
        for name in Self.exceptions { (variables[name], variables[name.uppercased()]) = (nil, nil) }
        for name in Self.bundles + Self.additions { variables[name] = bundle(name) }
        // Of two equal settings Java takes the last, and Node.js loads all.
        variables["JAVA_TOOL_OPTIONS"] = Self.joined(inherited["JAVA_TOOL_OPTIONS"], java)
        variables["NODE_OPTIONS"] = Self.joined(inherited["NODE_OPTIONS"], "--require=\"\(nodeScript)\"")
        return variables
    }

    private var java: String {
        let places = ["http", "https"].flatMap { ["-D\($0).proxyHost=\(host)", "-D\($0).proxyPort=\(port)"] }
        let trust = ["": javaTrustStore, "Password": JavaTrustStore.password, "Type": "JKS"].sorted { $0.key < $1.key }
        return (places + ["-Dhttp.nonProxyHosts="] + trust.map { "-Djavax.net.ssl.trustStore\($0.key)=\($0.value)" })
            .joined(separator: " ")
    }

    private static func joined(_ inherited: String?, _ own: String) -> String {
        [inherited, own].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
