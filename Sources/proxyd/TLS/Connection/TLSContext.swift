import COpenSSL
import Glibc
import Synchronization

/// An `SSL_CTX` shared by connections. Owns one reference, and never changes after `init`.
final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    private init(method: OpaquePointer?) throws(TLSError) {
        guard let pointer = SSL_CTX_new(method) else { throw OpenSSLErrors.internalFailure("SSL_CTX_new") }
        self.pointer = pointer
        SSL_CTX_set_options(pointer, COpenSSL_context_options)
        COpenSSL_SSL_CTX_set_mode(pointer, COpenSSL_context_mode)
        COpenSSL_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
        COpenSSL_SSL_CTX_set_read_ahead(pointer, 1)
        SSL_CTX_set_keylog_callback(pointer, keyLogCallback)
    }

    deinit { SSL_CTX_free(pointer) }

    /// The context of all connections from clients. Differences (certificate, versions, ALPN) are set on the `SSL`.
    static let server = Result { () throws(TLSError) in
        let context = try TLSContext(method: TLS_server_method())
        SSL_CTX_set_client_hello_cb(context.pointer, clientHelloCallback, nil)
        SSL_CTX_set_alpn_select_cb(context.pointer, alpnSelectCallback, nil)
        // A client that resumes needs one ticket; each further one costs a message.
        SSL_CTX_set_num_tickets(context.pointer, 1)
        return context
    }

    /// The most contexts kept for upstream connections.
    static let clientLimit = 32
    private static let clients = Mutex(LRUCache<TrustStore, TLSContext>(limit: clientLimit))

    /// The context for connections to servers with this verification. It is cached, since loading a store takes 10 ms or
    /// more.
    static func client(_ verification: TLSClientSettings.Verification) throws(TLSError) -> TLSContext {
        let store = try TrustStore(verification)
        if let known = clients.withLock({ $0.value(for: store) }) { return known }
        let context = try TLSContext(method: TLS_client_method())
        try context.load(store)
        clients.withLock { $0.insert(context, for: store) }
        return context
    }

    private func load(_ store: TrustStore) throws(TLSError) {
        OpenSSLErrors.clear()
        switch store {
        case .none:
            SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        case .system:
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, verifyCallback)
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw TLSError(
                    .settings,
                    blame: .configuration,
                    "the system's trusted certificates cannot be loaded: \(OpenSSLErrors.takeReason())"
                )
            }
        case .file(let path, _, _):
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, verifyCallback)
            guard SSL_CTX_load_verify_file(pointer, path) == 1 else {
                throw TLSError(
                    .settings,
                    blame: .configuration,
                    "\(path): holds no trusted certificates that can be read: \(OpenSSLErrors.takeReason())"
                )
            }
            // A user who names an intermediate or a server's own certificate trusts it.
            X509_STORE_set_flags(SSL_CTX_get_cert_store(pointer), UInt(X509_V_FLAG_PARTIAL_CHAIN))
        }
    }
}

/// The trusted certificates of a client context. A file that has changed counts as a different store.
private enum TrustStore: Hashable {
    case none
    case system
    case file(String, modified: Int, size: Int)

    init(_ verification: TLSClientSettings.Verification) throws(TLSError) {
        switch verification {
        case .none: self = .none
        case .full(trustedCAFile: nil): self = .system
        case .full(trustedCAFile: let path?):
            var status = stat()
            guard stat(path, &status) == 0 else {
                let reason = String(cString: strerror(errno))
                throw TLSError(.settings, blame: .configuration, "\(path): cannot read trusted certificates: \(reason)")
            }
            let modified = status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec
            self = .file(path, modified: modified, size: Int(status.st_size))
        }
    }
}
