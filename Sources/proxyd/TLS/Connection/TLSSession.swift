/// The result of a completed handshake.
package struct TLSSession: Sendable {
    /// The version, as `TLSv1.3`.
    package let version: String
    /// OpenSSL's name, as `TLS_AES_256_GCM_SHA384` or `ECDHE-ECDSA-AES128-GCM-SHA256`.
    package let cipher: String
    /// The negotiated ALPN protocol; nil: none.
    package let alpn: String?
    /// The DNS name that the client asked for.
    package let serverName: String?
    /// Leaf first, as the peer sent them; empty when it sent none.
    package let peerCertificates: [PeerCertificate]
    /// Whether an earlier session was resumed, so that no certificates were sent.
    package let isResumed: Bool
}
