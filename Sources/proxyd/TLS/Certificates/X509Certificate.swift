import COpenSSL

/// A parsed certificate. Owns one reference to an `X509` that is never changed, so any thread may read it.
final class X509Certificate: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over the caller's reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    /// Takes a reference of its own (`X509_up_ref`).
    convenience init(sharing pointer: OpaquePointer) {
        X509_up_ref(pointer)
        self.init(owning: pointer)
    }

    deinit { X509_free(pointer) }

    /// The subject in one line: `CN=example.com,O=Example`.
    var subject: String { Self.oneLine(X509_get_subject_name(pointer)) }
    var issuer: String { Self.oneLine(X509_get_issuer_name(pointer)) }

    /// The end of the validity, as `Jan  1 00:00:00 2030 GMT`.
    var notAfter: String { Self.time(X509_get0_notAfter(pointer)) }
    var notBefore: String { Self.time(X509_get0_notBefore(pointer)) }

    var isExpired: Bool { X509_cmp_current_time(X509_get0_notAfter(pointer)) < 0 }
    var isSelfIssued: Bool { X509_NAME_cmp(X509_get_subject_name(pointer), X509_get_issuer_name(pointer)) == 0 }

    /// Whether it may sign certificates: version 3 with the basic constraint CA:TRUE and, if it has key usages, keyCertSign.
    var isAuthority: Bool { X509_check_ca(pointer) == 1 }

    /// The SHA-256 of the DER, as lower-case hexadecimal digits.
    var sha256: String {
        Digest.sha256(der).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    var der: [UInt8] { MemoryBIO.bytes { i2d_X509_bio($0, pointer) == 1 } ?? [] }

    var pem: String { MemoryBIO.string { PEM_write_bio_X509($0, pointer) == 1 } }

    /// The first common name of the subject; nil when there is none, or it contains control characters.
    var commonName: String? {
        let name = X509_get_subject_name(pointer)
        let index = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
        guard index >= 0, let data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)) else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, data)
        guard count > 0, let bytes else { return nil }
        defer { CRYPTO_free(bytes, #file, #line) }
        return Self.text(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    /// The DNS names among the subject alternative names, in order, without those that contain control characters.
    var dnsNames: [String] {
        alternativeNames(of: GEN_DNS).compactMap { bytes in bytes.withUnsafeBufferPointer(Self.text) }
    }

    /// The IP addresses among the subject alternative names, in order.
    var ipAddresses: [IPAddress] {
        alternativeNames(of: GEN_IPADD).compactMap(IPAddress.init(bytes:))
    }

    private func alternativeNames(of type: Int32) -> [[UInt8]] {
        guard let names = COpenSSL_subject_alt_names(pointer) else { return [] }
        defer { COpenSSL_GENERAL_NAMES_free(names) }
        return (0..<COpenSSL_GENERAL_NAMES_num(names)).compactMap { index in
            guard let value = COpenSSL_general_name(names, index, type) else { return nil }
            return Array(
                UnsafeBufferPointer(start: ASN1_STRING_get0_data(value), count: Int(ASN1_STRING_length(value)))
            )
        }
    }

    private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let isPlain = !bytes.isEmpty && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        return isPlain ? String(validating: bytes, as: UTF8.self) : nil
    }

    private static func oneLine(_ name: OpaquePointer?) -> String {
        MemoryBIO.string { X509_NAME_print_ex($0, name, 0, COpenSSL_name_format) >= 0 }
    }

    private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        MemoryBIO.string { ASN1_TIME_print($0, time) == 1 }
    }
}

/// A private key. Owns one reference to an `EVP_PKEY` that is never changed, so any thread may use it.
final class PrivateKey: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Takes over the caller's reference.
    init(owning pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    static func generateP256() throws(TLSError) -> PrivateKey {
        guard let key = COpenSSL_generate_p256_key() else { throw OpenSSLErrors.internalFailure("key generation") }
        return PrivateKey(owning: key)
    }

    /// The digest to sign with: SHA-256, or none for a key with a built-in digest (Ed25519).
    var signatureDigest: OpaquePointer? {
        var digest: Int32 = 0
        let isMandatory = EVP_PKEY_get_default_digest_nid(pointer, &digest) == 2
        return isMandatory && digest == NID_undef ? nil : EVP_sha256()
    }
}

/// An in-memory `BIO` for calls that print or parse.
enum MemoryBIO {
    /// What `write` puts into the BIO, as UTF-8; empty when it fails.
    static func string(_ write: (OpaquePointer) -> Bool) -> String {
        String(decoding: bytes(write) ?? [], as: UTF8.self)
    }

    static func bytes(_ write: (OpaquePointer) -> Bool) -> [UInt8]? {
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard write(bio) else { return nil }
        var data: UnsafeMutablePointer<CChar>?
        let count = COpenSSL_BIO_get_mem_data(bio, &data)
        return Array(UnsafeRawBufferPointer(start: data, count: max(count, 0)))
    }

    /// Calls `read` with a BIO over `bytes`, which are not copied.
    static func reading<T>(_ bytes: [UInt8], _ read: (OpaquePointer) -> T) -> T? {
        bytes.withUnsafeBytes { buffer in
            guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(clamping: buffer.count)) else { return nil }
            defer { BIO_free(bio) }
            return read(bio)
        }
    }
}
