import COpenSSL

/// The lowest or highest TLS version allowed, by mitmproxy's names.
package enum TLSVersionLimit: String, Sendable, Hashable, CaseIterable {
    case unbounded = "UNBOUNDED"
    case ssl3 = "SSL3"
    case tls1 = "TLS1"
    case tls1_1 = "TLS1_1"
    case tls1_2 = "TLS1_2"
    case tls1_3 = "TLS1_3"

    /// OpenSSL's number; 0 means the lowest or highest version that it was built with, so we need not support SSL 3.
    package var number: Int32 {
        switch self {
        case .unbounded, .ssl3: 0
        case .tls1: TLS1_VERSION
        case .tls1_1: TLS1_1_VERSION
        case .tls1_2: TLS1_2_VERSION
        case .tls1_3: TLS1_3_VERSION
        }
    }

    /// OpenSSL allows nothing below TLS 1.2 at security level 1 and above, since those versions sign SHA-1.
    var needsSecurityLevel0: Bool {
        switch self {
        case .unbounded, .ssl3, .tls1, .tls1_1: true
        case .tls1_2, .tls1_3: false
        }
    }
}

/// How to continue with a client whose ClientHello is known.
package struct TLSServerSettings: Sendable {
    /// The certificate to show the client.
    package var leaf: LeafCertificate
    /// In order of preference. The first one that the client also offers is selected; without one, ALPN is not used.
    package var alpnProtocols: [String]
    /// The lowest TLS version allowed.
    package var minimumVersion: TLSVersionLimit
    /// Where to log session keys; nil: nowhere.
    package var keyLog: KeyLog?
    /// Certificates to send after the leaf's chain.
    package var extraChain: [PeerCertificate] = []
    /// Whether to request a certificate from the client; any certificate, or none, is accepted.
    package var requestsClientCertificate = false
    /// The ciphers of TLS 1.2 and below, in OpenSSL's cipher list format; nil: OpenSSL's default.
    package var ciphers: String?

    /// Settings with these values; the others have their defaults.
    package init(
        leaf: LeafCertificate,
        alpnProtocols: [String] = [],
        minimumVersion: TLSVersionLimit = .tls1_2,
        keyLog: KeyLog? = nil
    ) {
        self.leaf = leaf
        self.alpnProtocols = alpnProtocols
        self.minimumVersion = minimumVersion
        self.keyLog = keyLog
    }
}

/// How to connect to a server.
package struct TLSClientSettings: Sendable {
    /// How to verify a server's certificate.
    package enum Verification: Sendable, Hashable {
        /// The chain must end in a certificate of the PEM file, or of the system's store if the file is nil, and the
        /// certificate must match `serverName`.
        case full(trustedCAFile: String?)
        /// Every certificate is accepted, including one with a weak key.
        case none
    }

    /// The DNS name or IP address that the certificate must match. Only a DNS name is sent to the server (SNI).
    package var serverName: String
    /// How to verify the server's certificate.
    package var verification: Verification
    /// The lowest TLS version allowed.
    package var minimumVersion: TLSVersionLimit
    /// The highest TLS version allowed.
    package var maximumVersion = TLSVersionLimit.unbounded
    /// The protocols to offer, in this order; empty: none. Names have 1 to 255 bytes.
    package var alpnProtocols: [String]
    /// Where to log session keys; nil: nowhere.
    package var keyLog: KeyLog?
    /// The certificate for a server that requests one.
    package var certificate: LeafCertificate?
    /// The ciphers of TLS 1.2 and below, in OpenSSL's cipher list format; nil: OpenSSL's default.
    package var ciphers: String?

    /// Settings with these values; the others have their defaults.
    package init(
        serverName: String,
        verification: Verification = .full(trustedCAFile: nil),
        minimumVersion: TLSVersionLimit = .tls1_2,
        alpnProtocols: [String] = [],
        keyLog: KeyLog? = nil
    ) {
        self.serverName = serverName
        self.verification = verification
        self.minimumVersion = minimumVersion
        self.alpnProtocols = alpnProtocols
        self.keyLog = keyLog
    }
}
