/// Options for modes, client authentication, and certificates that the user supplies.
extension OptionCatalogue {
    static let modes = [
        OptionDefinition(
            "mode",
            \.mode,
            .modes,
            help: """
                How clients reach the proxy; each mode has its own listener (on the command line: --mode MODE): \
                regular, reverse:SCHEME://HOST[:PORT] (http, https, h2c, tcp, tls), upstream:http[s]://HOST[:PORT], \
                socks5, transparent. @[HOST:]PORT sets its address; the default is `listen` (socks5: port 1080). When \
                this changes, listeners open and close, and established connections stay.
                """
        ),
        OptionDefinition(
            "connection_strategy",
            \.connectionStrategy,
            .choice,
            help:
                """
                When to connect to servers: eager, once the destination is known; lazy, once there is something to \
                send.
                """
        ),
        OptionDefinition(
            "keep_host_header",
            \.keepHostHeader,
            .bool,
            help: "In reverse mode: keep the client's Host field instead of naming the server."
        ),
        OptionDefinition(
            "ignore_hosts",
            \.ignoreHosts,
            .hostPatterns,
            help: """
                Regular expressions for HOST:PORT, by destination or by TLS server name: matching tunnels pass \
                through untouched, and addons only see their connections.
                """
        ),
        OptionDefinition(
            "allow_hosts",
            \.allowHosts,
            .hostPatterns,
            help: """
                The opposite of ignore_hosts: tunnels that do not match pass through untouched. Default: intercept \
                all.
                """
        ),
        OptionDefinition(
            "tcp_hosts",
            \.tcpHosts,
            .hostPatterns,
            help: """
                Regular expressions for HOST:PORT: matching traffic is handled as TCP, not HTTP. TLS around it is \
                decrypted.
                """
        ),
        OptionDefinition(
            "proxyauth",
            \.proxyauth,
            .proxyAuth,
            secrecy: .secret,
            help: """
                Who may use the proxy: USER:PASSWORD, any (any name and password will do), or @PATH of a file that \
                htpasswd wrote (bcrypt, MD5, SHA-1 or crypt hashes). Default: everybody.
                """
        ),
        OptionDefinition(
            "upstream_auth",
            \.upstreamAuth,
            .credentials,
            secrecy: .secret,
            help:
                """
                USER:PASSWORD for upstream proxies (Proxy-Authorization) and for the server of reverse mode \
                (Authorization).
                """
        ),
    ]

    static let certificates = [
        OptionDefinition(
            "certs",
            \.certs,
            .certificates,
            help: """
                Your own certificates, as [DOMAIN=]PATH of a PEM file with key, certificate and chain. Clients that \
                ask for DOMAIN (or *.DOMAIN, or *) get them instead of generated ones.
                """
        ),
        OptionDefinition(
            "client_certs",
            \.clientCerts,
            .optionalPath,
            help:
                """
                Certificate for servers that ask for one: a PEM file with key and certificate, or a folder of \
                HOST.pem.
                """
        ),
        OptionDefinition(
            "request_client_cert",
            \.requestClientCert,
            .bool,
            help: "Ask clients for a certificate. Any certificate is accepted, and addons see it in client_conn."
        ),
        OptionDefinition(
            "ciphers_client",
            \.ciphersClient,
            .ciphers,
            help: "Ciphers for clients that speak TLS 1.2 or older, in OpenSSL's syntax."
        ),
        OptionDefinition(
            "ciphers_server",
            \.ciphersServer,
            .ciphers,
            help: "Ciphers for servers that speak TLS 1.2 or older, in OpenSSL's syntax."
        ),
        OptionDefinition(
            "add_upstream_certs_to_client_chain",
            \.addUpstreamCertsToClientChain,
            .bool,
            help: "Send the server's certificates to the client as well, after ours."
        ),
    ]
}
