import COpenSSL

/// The lowest or the highest TLS version allowed, by mitmproxy's names.
package enum TLSVersionLimit: String, Sendable, Hashable, CaseIterable {
    case unbounded = "UNBOUNDED"
    case ssl3 = "SSL3"
    case tls1 = "TLS1"
    case tls1_1 = "TLS1_1"
    case tls1_2 = "TLS1_2"
    case tls1_3 = "TLS1_3"

    /// OpenSSL's number; 0 stands for the lowest or highest that it was built with, which spares us SSL 3.
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

/// How to go on with a client whose ClientHello is known.
package struct TLSServerSettings: Sendable {
    package var leaf: LeafCertificate
    /// Most wanted first. The first that the client offers too is chosen; without one, there is no ALPN.
    package var alpnProtocols: [String]
    package var minimumVersion: TLSVersionLimit
    package var keyLog: KeyLog?
    /// Certificates that are sent after those of the leaf's chain.
    package var extraChain: [PeerCertificate] = []
    /// Whether the client is asked for a certificate; whatever it shows, or nothing, is accepted.
    package var requestsClientCertificate = false
    /// Of TLS 1.2 and below, in OpenSSL's cipher list format; nil: OpenSSL's own choice.
    package var ciphers: String?

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
    package enum Verification: Sendable, Hashable {
        /// The chain must end in the PEM file, or in the system's store where that is nil, and the certificate must be
        /// for `serverName`.
        case full(trustedCAFile: String?)
        /// Anything goes, weak keys included.
        case none
    }

    /// The DNS name or IP address that the certificate must be for. Only a DNS name is sent to the server (SNI).
    package var serverName: String
    package var verification: Verification
    package var minimumVersion: TLSVersionLimit
    package var maximumVersion = TLSVersionLimit.unbounded
    /// Offered in this order; none when empty. Names are 1 to 255 bytes.
    package var alpnProtocols: [String]
    package var keyLog: KeyLog?
    /// Shown to a server that asks for one.
    package var certificate: LeafCertificate?
    /// Of TLS 1.2 and below, in OpenSSL's cipher list format; nil: OpenSSL's own choice.
    package var ciphers: String?

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
