/// Options of modes, of who may use the proxy, and of certificates that are not made on the fly.
extension OptionCatalogue {
    static let modes = [
        OptionDefinition(
            "mode",
            \.mode,
            .modes,
            help: """
                How clients are served, each mode at a listener of its own (on the command line: --mode MODE): regular, \
                reverse:SCHEME://HOST[:PORT] (http, https, h2c, tcp, tls), upstream:http[s]://HOST[:PORT], socks5, \
                transparent; @[HOST:]PORT after it says where, else `listen` does (socks5: port 1080). When it changes, \
                listeners open and close, and their connections go on.
                """
        ),
        OptionDefinition(
            "connection_strategy",
            \.connectionStrategy,
            .choice,
            help:
                "When servers are connected to: eager, as soon as it is known where; lazy, when there is something to send."
        ),
        OptionDefinition(
            "keep_host_header",
            \.keepHostHeader,
            .bool,
            help: "In reverse mode: leave the Host field as the client sent it, instead of naming the server."
        ),
        OptionDefinition(
            "ignore_hosts",
            \.ignoreHosts,
            .hostPatterns,
            help: """
                Regular expressions: a tunnel whose HOST:PORT, by its destination or by TLS, has a match is passed \
                through as it is, and addons hear of its connections only.
                """
        ),
        OptionDefinition(
            "allow_hosts",
            \.allowHosts,
            .hostPatterns,
            help: "The opposite of ignore_hosts: what has no match is passed through. Nothing means: look at all."
        ),
        OptionDefinition(
            "tcp_hosts",
            \.tcpHosts,
            .hostPatterns,
            help: "Regular expressions for HOST:PORT: what has a match is TCP, not HTTP. TLS around it is undone."
        ),
        OptionDefinition(
            "proxyauth",
            \.proxyauth,
            .proxyAuth,
            secrecy: .secret,
            help: """
                Who may use the proxy: USER:PASSWORD, any (with any name and password), or @PATH of a file that htpasswd \
                wrote (bcrypt, MD5, SHA-1 or crypt hashes). Nothing means everybody.
                """
        ),
        OptionDefinition(
            "upstream_auth",
            \.upstreamAuth,
            .credentials,
            secrecy: .secret,
            help:
                "USER:PASSWORD for upstream proxies (Proxy-Authorization) and for the server of reverse mode (Authorization)."
        ),
    ]

    static let certificates = [
        OptionDefinition(
            "certs",
            \.certs,
            .certificates,
            help: """
                Certificates of your own, [DOMAIN=]PATH of a PEM file with key, certificate and chain: shown to clients \
                that want DOMAIN (or *.DOMAIN, or *) in place of one made on the fly.
                """
        ),
        OptionDefinition(
            "client_certs",
            \.clientCerts,
            .optionalPath,
            help:
                "Certificate for servers that ask for one: a PEM file with key and certificate, or a folder of HOST.pem."
        ),
        OptionDefinition(
            "request_client_cert",
            \.requestClientCert,
            .bool,
            help: "Ask clients for a certificate. Whatever they show is accepted and seen in client_conn."
        ),
        OptionDefinition(
            "ciphers_client",
            \.ciphersClient,
            .ciphers,
            help: "Ciphers for clients that speak TLS 1.2 or older, as OpenSSL writes them."
        ),
        OptionDefinition(
            "ciphers_server",
            \.ciphersServer,
            .ciphers,
            help: "Ciphers for servers that speak TLS 1.2 or older, as OpenSSL writes them."
        ),
        OptionDefinition(
            "add_upstream_certs_to_client_chain",
            \.addUpstreamCertsToClientChain,
            .bool,
            help: "Send the server's certificates to the client as well, after ours."
        ),
    ]
}
