/// A TLS alert (RFC 8446, section 6), by its number.
package struct TLSAlert: Sendable, Hashable, CustomStringConvertible {
    /// The AlertDescription.
    package let number: UInt8

    /// The alert with this number, known or not.
    package init(number: UInt8) {
        self.number = number
    }

    /// No acceptable parameters.
    package static let handshakeFailure = TLSAlert(number: 40)
    /// The peer may not connect.
    package static let accessDenied = TLSAlert(number: 49)
    /// A failure that the peer has not caused.
    package static let internalError = TLSAlert(number: 80)
    /// The server name in the ClientHello is not served here.
    package static let unrecognizedName = TLSAlert(number: 112)

    /// The name in RFC 8446, section 6; nil when the RFC does not define the number.
    package var name: String? { Self.names[number] }

    /// `alert 116 (certificate_required)`
    package var description: String { "alert \(number)" + (name.map { " (\($0))" } ?? "") }

    private static let names: [UInt8: String] = [
        0: "close_notify",
        10: "unexpected_message",
        20: "bad_record_mac",
        21: "decryption_failed_RESERVED",
        22: "record_overflow",
        30: "decompression_failure_RESERVED",
        40: "handshake_failure",
        41: "no_certificate_RESERVED",
        42: "bad_certificate",
        43: "unsupported_certificate",
        44: "certificate_revoked",
        45: "certificate_expired",
        46: "certificate_unknown",
        47: "illegal_parameter",
        48: "unknown_ca",
        49: "access_denied",
        50: "decode_error",
        51: "decrypt_error",
        60: "export_restriction_RESERVED",
        70: "protocol_version",
        71: "insufficient_security",
        80: "internal_error",
        86: "inappropriate_fallback",
        90: "user_canceled",
        100: "no_renegotiation_RESERVED",
        109: "missing_extension",
        110: "unsupported_extension",
        111: "certificate_unobtainable_RESERVED",
        112: "unrecognized_name",
        113: "bad_certificate_status_response",
        114: "bad_certificate_hash_value_RESERVED",
        115: "unknown_psk_identity",
        116: "certificate_required",
        120: "no_application_protocol",
    ]
}
