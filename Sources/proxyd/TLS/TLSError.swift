/// Why a TLS connection, a certificate or the certificate authority failed, in words for whoever has to act.
package struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What went wrong, for code that has to decide.
    package enum Code: String, Sendable, Hashable {
        /// The peer's certificate has expired.
        case certificateExpired
        /// The peer's certificate is not valid yet.
        case certificateNotYetValid
        /// The peer's certificate is self-signed and not in the trust store.
        case selfSigned
        /// No trusted certificate has signed the peer's chain.
        case unknownIssuer
        /// The peer's certificate is for other names.
        case hostnameMismatch
        /// The peer's certificate is invalid for any other reason.
        case certificateInvalid
        /// Both sides have no TLS version in common.
        case protocolVersion
        /// The peer ended the connection with a fatal alert.
        case peerAlert
        /// The peer closed the connection during the handshake.
        case peerClosed
        /// The peer's first bytes are not TLS.
        case notTLS
        /// The peer broke the protocol (bad record, bad message, failed decryption).
        case protocolViolation
        /// The handshake took longer than allowed.
        case timedOut
        /// This side refused the ClientHello.
        case refused
        /// This side closed the connection before the handshake was complete.
        case closedLocally
        /// More was written before the handshake was complete than is buffered.
        case writeLimit
        /// The files of the certificate authority.
        case authorityFiles
        /// A setting cannot be used, such as a trust store that does not load.
        case settings
        /// OpenSSL failed in a way that should not happen.
        case internalFailure
    }

    /// Whose fault the error is.
    package enum Blame: String, Sendable, Hashable {
        case peer
        case us
        case configuration
    }

    /// What went wrong.
    package let code: Code
    /// Whose fault the error is.
    package let blame: Blame
    /// What went wrong, in words.
    package let message: String

    /// An error with this code and this message.
    package init(_ code: Code, blame: Blame, _ message: String) {
        self.code = code
        self.blame = blame
        self.message = message
    }

    /// The message.
    package var description: String { message }
}
