import COpenSSL
import NIOCore

/// One TLS connection over byte buffers: a method for each operation of OpenSSL, with no channel and no event loop.
///
/// Owns the `SSL`. Callbacks find this object through the `SSL`, which does not retain it.
final class TLSConnection {
    enum Role {
        case client
        case server
    }

    /// The decision on a client whose ClientHello is known.
    enum Decision {
        case none
        case accepted(TLSServerSettings)
        case refused(TLSAlert)
    }

    enum HandshakeStep {
        case complete
        case needsBytes
        /// Continues after `accept` or `refuse`, with the next step.
        case needsDecision(ClientHello)
        case failed(TLSError)
    }

    enum ReadEnd {
        case needsBytes
        /// The peer has announced the end of its data.
        case closeNotify
        case failed(TLSError)
    }

    let role: Role
    let ssl: OpaquePointer
    private let bio = ByteBufferBIO()
    /// Keeps alive what the `SSL` was made from, and its callbacks.
    private let context: TLSContext
    private var clientHello = ClientHello()
    private var serverName: String?
    /// The name that a server's certificate must match.
    private(set) var expectedName = ""

    private(set) var decision = Decision.none
    private(set) var keyLog: KeyLog?
    var verificationFailure: VerificationFailure?

    /// After a fatal error OpenSSL must not be asked to shut down.
    private var isBroken = false

    private init(role: Role, context: TLSContext) throws(TLSError) {
        guard let ssl = SSL_new(context.pointer) else { throw OpenSSLErrors.internalFailure("SSL_new") }
        self.role = role
        self.context = context
        self.ssl = ssl
        ConnectionSlot.set(self, on: ssl)
        guard let bio = bio.makeBIO() else { throw OpenSSLErrors.internalFailure("BIO_new") }
        // Consumes our only reference, for both directions.
        SSL_set_bio(ssl, bio, bio)
    }

    deinit { SSL_free(ssl) }

    static func server() throws(TLSError) -> TLSConnection {
        let connection = try TLSConnection(role: .server, context: TLSContext.server.get())
        SSL_set_accept_state(connection.ssl)
        SSL_set_msg_callback(connection.ssl, messageCallback)
        return connection
    }

    /// Throws when OpenSSL cannot use this certificate and key for any version of TLS.
    static func check(_ leaf: LeafCertificate) throws(TLSError) {
        let connection = try server()
        SSL_set_security_level(connection.ssl, 0)
        try connection.use(leaf)
    }

    static func client(_ settings: TLSClientSettings) throws(TLSError) -> TLSConnection {
        let connection = try TLSConnection(role: .client, context: .client(settings.verification))
        SSL_set_connect_state(connection.ssl)
        try connection.apply(settings)
        return connection
    }
}

// MARK: - Settings

extension TLSConnection {
    private func apply(_ settings: TLSClientSettings) throws(TLSError) {
        keyLog = settings.keyLog
        expectedName = settings.serverName
        allowVersions(from: settings.minimumVersion, to: settings.maximumVersion)
        try allow(ciphers: settings.ciphers)
        if let certificate = settings.certificate { try use(certificate) }
        let address = IPAddress(settings.serverName)
        if address == nil, let name = LeafRequest.dnsName(settings.serverName) {
            serverName = name
            guard COpenSSL_SSL_set_tlsext_host_name(ssl, name) == 1 else {
                throw OpenSSLErrors.internalFailure("SSL_set_tlsext_host_name")
            }
        }
        let protocols = ALPN.encode(settings.alpnProtocols)
        if !protocols.isEmpty { SSL_set_alpn_protos(ssl, protocols, UInt32(clamping: protocols.count)) }
        switch settings.verification {
        case .none: SSL_set_security_level(ssl, 0)
        case .full: try expect(address)
        }
    }

    private func expect(_ address: IPAddress?) throws(TLSError) {
        let parameters = SSL_get0_param(ssl)
        let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        X509_VERIFY_PARAM_set_hostflags(parameters, flags)
        if let address {
            guard X509_VERIFY_PARAM_set1_ip(parameters, address.bytes, address.bytes.count) == 1 else {
                throw OpenSSLErrors.internalFailure("X509_VERIFY_PARAM_set1_ip")
            }
            return
        }
        guard let serverName, X509_VERIFY_PARAM_set1_host(parameters, serverName, serverName.utf8.count) == 1 else {
            throw TLSError(
                .settings,
                blame: .configuration,
                "no certificate can be for the host name \"\(expectedName)\""
            )
        }
    }

    private func allowVersions(from minimum: TLSVersionLimit, to maximum: TLSVersionLimit = .unbounded) {
        COpenSSL_SSL_set_min_proto_version(ssl, minimum.number)
        COpenSSL_SSL_set_max_proto_version(ssl, maximum.number)
        if minimum.needsSecurityLevel0 { SSL_set_security_level(ssl, 0) }
    }

    private func allow(ciphers: String?) throws(TLSError) {
        guard let ciphers else { return }
        OpenSSLErrors.clear()
        guard SSL_set_cipher_list(ssl, ciphers) == 1 else {
            throw TLSError(.settings, blame: .configuration, "OpenSSL knows no cipher of \"\(ciphers)\"")
        }
    }

    private func use(_ leaf: LeafCertificate, extraChain: [PeerCertificate] = []) throws(TLSError) {
        let extra = extraChain.map(\.certificate)
        let chain = extra.isEmpty ? leaf.chain : try CertificateChain(leaf.chain.certificates + extra)
        OpenSSLErrors.clear()
        // This takes its own references to the certificate, the key and the chain.
        guard SSL_use_cert_and_key(ssl, leaf.certificate.pointer, leaf.key.pointer, chain.stack, 1) == 1 else {
            throw OpenSSLErrors.internalFailure("SSL_use_cert_and_key")
        }
    }

    /// Accepts the client of a suspended handshake, which the next step continues.
    func accept(_ settings: TLSServerSettings) throws(TLSError) {
        OpenSSLErrors.clear()
        let leaf = settings.leaf
        allowVersions(from: settings.minimumVersion)
        try allow(ciphers: settings.ciphers)
        try use(leaf, extraChain: settings.extraChain)
        guard SSL_set_session_id_context(ssl, leaf.fingerprint, UInt32(leaf.fingerprint.count)) == 1 else {
            throw OpenSSLErrors.internalFailure("SSL_set_session_id_context")
        }
        if settings.requestsClientCertificate { SSL_set_verify(ssl, SSL_VERIFY_PEER) { _, _ in 1 } }
        keyLog = settings.keyLog
        decision = .accepted(settings)
    }

    func refuse(_ alert: TLSAlert) {
        decision = .refused(alert)
    }

    var wantedProtocols: [String] {
        switch decision {
        case .accepted(let settings): settings.alpnProtocols
        case .none, .refused: []
        }
    }

    func received(message: UnsafeRawBufferPointer) {
        guard let hello = ClientHello(message: message) else { return }
        clientHello = hello
        serverName = hello.serverName
    }
}

// MARK: - Bytes

extension TLSConnection {
    /// Whether the peer has sent anything.
    var hasReceived: Bool { bio.hasReceived }

    func receive(_ ciphertext: ByteBuffer) { bio.receive(ciphertext) }

    func takeCiphertext() -> ByteBuffer? { bio.takeOutbound() }

    func handshake() -> HandshakeStep {
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(ssl)
        if result == 1 { return .complete }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .needsBytes
        case SSL_ERROR_WANT_CLIENT_HELLO_CB: return .needsDecision(clientHello)
        default:
            isBroken = true
            return .failed(handshakeError())
        }
    }

    /// Decrypts everything received and appends it to `plaintext`.
    func read(into plaintext: inout ByteBuffer) -> ReadEnd {
        plaintext.reserveCapacity(minimumWritableBytes: bio.unread.readableBytes + Int(SSL_pending(ssl)))
        while true {
            OpenSSLErrors.clear()
            var result: Int32 = 0
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 256) { bytes in
                var count = 0
                result = SSL_read_ex(ssl, bytes.baseAddress, bytes.count, &count)
                return count
            }
            if result == 1 { continue }
            switch SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return .needsBytes
            case SSL_ERROR_ZERO_RETURN: return .closeNotify
            default:
                isBroken = true
                return .failed(dataError())
            }
        }
    }

    /// Encrypts all of `plaintext`.
    func write(_ plaintext: ByteBuffer) throws(TLSError) {
        guard plaintext.readableBytes > 0 else { return }
        OpenSSLErrors.clear()
        // The header, nonce, padding and authentication of a record take at most 85 bytes (TLS 1.2 with CBC and SHA-384).
        bio.reserveOutbound(plaintext.readableBytes + (plaintext.readableBytes / Self.recordLimit + 1) * 85)
        let result = plaintext.withUnsafeReadableBytes { bytes in
            var count = 0
            return SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
        }
        guard result == 1 else {
            isBroken = true
            throw dataError()
        }
    }

    /// The most plaintext in one record (RFC 8446, section 5.1).
    static var recordLimit: Int { Int(SSL3_RT_MAX_PLAIN_LENGTH) }

    /// Sends close_notify, once, unless the handshake is not complete or the connection is broken.
    func shutdown() {
        guard !isBroken, SSL_is_init_finished(ssl) == 1, SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
        OpenSSLErrors.clear()
        SSL_shutdown(ssl)
    }
}

// MARK: - The negotiated session

extension TLSConnection {
    var session: TLSSession {
        TLSSession(
            version: String(cString: SSL_get_version(ssl)),
            cipher: String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl))),
            alpn: chosenProtocol,
            serverName: serverName,
            peerCertificates: peerCertificates,
            isResumed: SSL_session_reused(ssl) == 1
        )
    }

    private var chosenProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// The certificates that the peer sent, each with a reference of its own.
    private var peerCertificates: [PeerCertificate] {
        guard let leaf = SSL_get0_peer_certificate(ssl) else { return [] }
        let chain = SSL_get_peer_cert_chain(ssl)
        let sent = (0..<max(0, COpenSSL_sk_X509_num(chain))).compactMap { COpenSSL_sk_X509_value(chain, $0) }
        // A client's chain includes the leaf, a server's does not.
        let all = role == .client && !sent.isEmpty ? sent : [leaf] + sent
        return all.map { PeerCertificate(certificate: X509Certificate(sharing: $0)) }
    }
}
