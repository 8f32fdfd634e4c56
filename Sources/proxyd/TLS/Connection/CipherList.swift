import COpenSSL

/// Checks OpenSSL cipher lists that come from a user.
package enum CipherList {
    /// Throws when OpenSSL finds no cipher in the list.
    package static func check(_ text: String) throws(TLSError) {
        let context = try TLSContext.server.get()
        guard let ssl = SSL_new(context.pointer) else { throw OpenSSLErrors.internalFailure("SSL_new") }
        defer { SSL_free(ssl) }
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        guard SSL_set_cipher_list(ssl, text) == 1 else {
            throw TLSError(.settings, blame: .configuration, "OpenSSL knows no cipher of \"\(text)\"")
        }
    }
}
