/// The variables by which programs learn of a proxy and of the CA that they are to trust.
struct ClientEnvironment {
    /// What takes the place of the certificates that the system has.
    static let bundles = [
        "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE",
        "CARGO_HTTP_CAINFO", "PERL_LWP_SSL_CA_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "HTTPLIB2_CA_CERTS",
        "NIX_SSL_CERT_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    ]
    /// What comes beside them.
    static let additions = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]
    private static let proxies = ["http_proxy", "https_proxy", "all_proxy"]
    private static let exceptions = ["no_proxy"]

    /// With the login, if the proxy wants one.
    var proxy: String
    var host: String
    var port: Int
    /// The file that each of `bundles` and `additions` is to name.
    var bundle: (String) -> String
    var javaTrustStore: String
    var nodeScript: String

    /// - Parameter inherited: the variables that there are.
    func variables(over inherited: [String: String]) -> [String: String] {
        var variables = inherited
        for name in Self.proxies { (variables[name], variables[name.uppercased()]) = (proxy, proxy) }
        for name in Self.exceptions { (variables[name], variables[name.uppercased()]) = (nil, nil) }
        for name in Self.bundles + Self.additions { variables[name] = bundle(name) }
        // Java takes the last of two that are equal, Node all.
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
