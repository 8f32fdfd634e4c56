import COpenSSL

/// The certificate for which the verification of a chain failed, and why.
struct VerificationFailure {
    /// One of OpenSSL's `X509_V_ERR_…`.
    let error: Int32
    /// 0 is the server's own certificate, 1 its issuer's.
    let depth: Int
    let certificate: X509Certificate?

    func error(expectedName: String) -> TLSError {
        TLSError(code, blame: .peer, "the server's certificate is not trusted: \(reason(expectedName))")
    }

    private var code: TLSError.Code {
        switch error {
        case X509_V_ERR_CERT_HAS_EXPIRED: .certificateExpired
        case X509_V_ERR_CERT_NOT_YET_VALID: .certificateNotYetValid
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .selfSigned
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            .unknownIssuer
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .hostnameMismatch
        default: .certificateInvalid
        }
    }

    private func reason(_ expectedName: String) -> String {
        guard let certificate else { return text }
        let which = "\"\(certificate.subject)\" (depth \(depth))"
        return switch code {
        case .certificateExpired: "\(which) expired on \(certificate.notAfter)"
        case .certificateNotYetValid: "\(which) is not valid before \(certificate.notBefore)"
        case .selfSigned: "\(which) is self-signed"
        case .unknownIssuer: "the issuer of \(which), \"\(certificate.issuer)\", is not known"
        case .hostnameMismatch: "it is for \(names(of: certificate)), not for \(expectedName)"
        default: "\(which): \(text)"
        }
    }

    private var text: String { String(cString: X509_verify_cert_error_string(Int(error))) }

    /// The names that a certificate is for; only the first of them if there are many.
    private func names(of certificate: X509Certificate) -> String {
        let names = certificate.dnsNames + certificate.ipAddresses.map(\.description)
        guard !names.isEmpty else { return "no host name" }
        let shown = names.prefix(5).joined(separator: ", ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
    }
}

extension TLSConnection {
    private var peer: String { role == .client ? "the server" : "the client" }

    /// Explains the error queue after a failed handshake, and empties it.
    func handshakeError() -> TLSError {
        let entry = OpenSSLErrors.take()
        if case .refused(let alert) = decision {
            return TLSError(.refused, blame: .us, "the ClientHello was refused with \(alert)")
        }
        guard let entry, entry.isFromTLS else {
            return TLSError(.internalFailure, blame: .us, "TLS handshake: \(entry?.reason ?? "no reason given")")
        }
        return error(for: entry)
    }

    /// Explains the error queue after a failed read or write, and empties it.
    func dataError() -> TLSError {
        guard let entry = OpenSSLErrors.take(), entry.isFromTLS else {
            return TLSError(.internalFailure, blame: .us, "TLS: no reason given")
        }
        return error(for: entry)
    }

    /// For a connection that the peer closed before the end of the handshake.
    func closedInHandshake() -> TLSError {
        let detail = hasReceived ? "during the TLS handshake" : "before it said anything in the TLS handshake"
        return TLSError(.peerClosed, blame: .peer, "\(peer) closed the connection \(detail)")
    }

    private func error(for entry: OpenSSLErrors.Entry) -> TLSError {
        switch entry.reasonCode {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            return verificationError()
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_RECORD_LENGTH_MISMATCH:
            return TLSError(.notTLS, blame: .peer, "\(peer) does not speak TLS here (\(entry.reason))")
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_UNKNOWN_PROTOCOL, SSL_R_NO_PROTOCOLS_AVAILABLE:
            return TLSError(
                .protocolVersion,
                blame: .peer,
                "\(peer) has no TLS version in common with us (\(entry.reason))"
            )
        case let reason where reason >= SSL_AD_REASON_OFFSET:
            return error(for: TLSAlert(number: UInt8(clamping: reason - SSL_AD_REASON_OFFSET)))
        default:
            return TLSError(.protocolViolation, blame: .peer, "TLS with \(peer) failed: \(entry.reason)")
        }
    }

    private func verificationError() -> TLSError {
        let failure =
            verificationFailure
            ?? VerificationFailure(error: Int32(clamping: SSL_get_verify_result(ssl)), depth: 0, certificate: nil)
        return failure.error(expectedName: expectedName)
    }

    private func error(for alert: TLSAlert) -> TLSError {
        let number = Int32(alert.number)
        let code: TLSError.Code = number == SSL_AD_PROTOCOL_VERSION ? .protocolVersion : .peerAlert
        switch (role, number) {
        case (.server, SSL_AD_UNKNOWN_CA), (.server, SSL_AD_BAD_CERTIFICATE), (.server, SSL_AD_CERTIFICATE_UNKNOWN):
            let hint = "it may not trust the proxy's certificate authority"
            return TLSError(code, blame: .peer, "\(peer) does not accept the proxy's certificate: \(alert) (\(hint))")
        default:
            return TLSError(code, blame: .peer, "\(peer) ended the TLS connection with \(alert)")
        }
    }
}
