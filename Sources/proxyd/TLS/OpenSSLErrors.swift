import COpenSSL

/// The calling thread's OpenSSL error queue.
enum OpenSSLErrors {
    /// Call this before each TLS operation, since `SSL_get_error` also sees what earlier, unrelated calls left behind.
    static func clear() { ERR_clear_error() }

    /// Empties the queue and returns its first entry, which is the cause.
    static func take() -> Entry? {
        let code = ERR_get_error()
        ERR_clear_error()
        return code == 0 ? nil : Entry(code: code)
    }

    /// The text of the first entry, for errors that have no better explanation.
    static func takeReason() -> String { take()?.reason ?? "no reason given" }

    struct Entry {
        let code: UInt

        var isFromTLS: Bool { ERR_GET_LIB(code) == ERR_LIB_SSL }
        var reasonCode: Int32 { ERR_GET_REASON(code) }
        var reason: String { ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)" }
    }

    /// An error for a call that fails only when memory is short, or through a bug of ours.
    static func internalFailure(_ operation: String) -> TLSError {
        TLSError(.internalFailure, blame: .us, "OpenSSL: \(operation) failed: \(takeReason())")
    }
}
