/// What a completed handshake has agreed on.
package struct TLSSession: Sendable {
    /// As `TLSv1.3`.
    package let version: String
    /// OpenSSL's name, as `TLS_AES_256_GCM_SHA384` or `ECDHE-ECDSA-AES128-GCM-SHA256`.
    package let cipher: String
    package let alpn: String?
    /// The DNS name that the client asked for.
    package let serverName: String?
    /// Leaf first, as the peer sent them; empty when it sent none.
    package let peerCertificates: [PeerCertificate]
    /// Whether an earlier session was taken up again, without certificates being sent.
    package let isResumed: Bool
}
