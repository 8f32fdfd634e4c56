import COpenSSL

/// The slot of an `SSL` for its `TLSConnection`, which is not retained, since the connection owns the `SSL`.
enum ConnectionSlot {
    private static let index = COpenSSL_SSL_get_ex_new_index()

    static func set(_ connection: TLSConnection, on ssl: OpaquePointer) {
        SSL_set_ex_data(ssl, index, Unmanaged.passUnretained(connection).toOpaque())
    }

    static func connection(of ssl: OpaquePointer?) -> TLSConnection? {
        guard let ssl, let slot = SSL_get_ex_data(ssl, index) else { return nil }
        return Unmanaged<TLSConnection>.fromOpaque(slot).takeUnretainedValue()
    }
}

/// Suspends the handshake until it is decided how to continue with the client.
func clientHelloCallback(ssl: OpaquePointer?, alert: UnsafeMutablePointer<Int32>?, _: UnsafeMutableRawPointer?) -> Int32
{
    guard let connection = ConnectionSlot.connection(of: ssl) else { return SSL_CLIENT_HELLO_ERROR }
    switch connection.decision {
    case .none: return SSL_CLIENT_HELLO_RETRY
    case .accepted: return SSL_CLIENT_HELLO_SUCCESS
    case .refused(let reason):
        alert?.pointee = Int32(reason.number)
        return SSL_CLIENT_HELLO_ERROR
    }
}

/// Sees each message before OpenSSL does; the first one is the ClientHello.
func messageCallback(
    isWrite: Int32,
    _: Int32,
    contentType: Int32,
    bytes: UnsafeRawPointer?,
    count: Int,
    ssl: OpaquePointer?,
    _: UnsafeMutableRawPointer?
) {
    guard isWrite == 0, contentType == SSL3_RT_HANDSHAKE, let bytes else { return }
    SSL_set_msg_callback(ssl, nil)
    ConnectionSlot.connection(of: ssl)?.received(message: UnsafeRawBufferPointer(start: bytes, count: count))
}

/// Selects the first of our protocols that the client offers. `chosen` points into the client's offer, from which OpenSSL
/// copies.
func alpnSelectCallback(
    ssl: OpaquePointer?,
    chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    chosenCount: UnsafeMutablePointer<UInt8>?,
    offer: UnsafePointer<UInt8>?,
    offerCount: UInt32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    let wanted = ConnectionSlot.connection(of: ssl)?.wantedProtocols ?? []
    let offered = UnsafeBufferPointer(start: offer, count: Int(offerCount))
    for name in wanted {
        guard let range = ALPN.range(of: name, in: offered) else { continue }
        chosen?.pointee = offer?.advanced(by: range.lowerBound)
        chosenCount?.pointee = UInt8(truncatingIfNeeded: range.count)
        return SSL_TLSEXT_ERR_OK
    }
    return SSL_TLSEXT_ERR_NOACK
}

func keyLogCallback(ssl: OpaquePointer?, line: UnsafePointer<CChar>?) {
    guard let line else { return }
    ConnectionSlot.connection(of: ssl)?.keyLog?.write(line)
}

/// Records why the verification failed, for the error text, and does not change its outcome.
func verifyCallback(isValid: Int32, store: OpaquePointer?) -> Int32 {
    guard isValid == 0 else { return isValid }
    let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()).map { OpaquePointer($0) }
    ConnectionSlot.connection(of: ssl)?.verificationFailure = VerificationFailure(
        error: X509_STORE_CTX_get_error(store),
        depth: Int(X509_STORE_CTX_get_error_depth(store)),
        // The store keeps its reference; this takes another one.
        certificate: X509_STORE_CTX_get_current_cert(store).map(X509Certificate.init(sharing:))
    )
    return isValid
}

/// Encodes the list of protocol names of RFC 7301, section 3.1: each is preceded by its length in one byte.
enum ALPN {
    /// Leaves out names that cannot be offered: empty ones, and those over 255 bytes.
    static func encode(_ protocols: [String]) -> [UInt8] {
        protocols.map { Array($0.utf8) }.filter { (1...255).contains($0.count) }.flatMap { [UInt8($0.count)] + $0 }
    }

    static func range(of name: String, in list: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var start = 0
        while start < list.count {
            let range = (start + 1)..<(start + 1 + Int(list[start]))
            guard range.upperBound <= list.count else { return nil }
            if list[range].elementsEqual(name.utf8) { return range }
            start = range.upperBound
        }
        return nil
    }
}
