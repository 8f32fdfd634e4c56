import COpenSSL
import Glibc

/// Builds a certificate; `sign` completes it.
struct CertificateBuilder {
    /// Owns the `X509`, which is not handed out before it is signed.
    private let certificate: X509Certificate
    private var x509: OpaquePointer { certificate.pointer }

    init() throws(TLSError) {
        guard let x509 = X509_new() else { throw OpenSSLErrors.internalFailure("X509_new") }
        certificate = X509Certificate(owning: x509)
        try check(X509_set_version(x509, Int(X509_VERSION_3)), "X509_set_version")
    }

    /// Sets a random positive number of 128 bits (RFC 5280, section 4.1.2.2 allows up to 20 bytes).
    func setRandomSerial() throws(TLSError) {
        var bytes = [UInt8](repeating: 0, count: 16)
        try check(RAND_bytes(&bytes, Int32(bytes.count)), "RAND_bytes")
        let number = BN_bin2bn(bytes, Int32(bytes.count), nil)
        defer { BN_free(number) }
        let isSet = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil
        try check(isSet ? 1 : 0, "BN_to_ASN1_INTEGER")
    }

    /// Sets the validity; both ends are in days from now.
    func setValidity(from first: Int, to last: Int) throws(TLSError) {
        let isSet =
            X509_time_adj_ex(X509_getm_notBefore(x509), Int32(first), 0, nil) != nil
            && X509_time_adj_ex(X509_getm_notAfter(x509), Int32(last), 0, nil) != nil
        try check(isSet ? 1 : 0, "X509_time_adj_ex")
    }

    func addSubject(_ field: Int32, _ value: String) throws(TLSError) {
        var value = value
        let added = value.withUTF8 { bytes in
            X509_NAME_add_entry_by_NID(
                X509_get_subject_name(x509),
                field,
                MBSTRING_UTF8,
                bytes.baseAddress,
                Int32(clamping: bytes.count),
                -1,
                0
            )
        }
        try check(added, "X509_NAME_add_entry")
    }

    func setKey(_ key: PrivateKey) throws(TLSError) {
        try check(X509_set_pubkey(x509, key.pointer), "X509_set_pubkey")
    }

    func setIssuer(_ issuer: X509Certificate) throws(TLSError) {
        try check(X509_set_issuer_name(x509, X509_get_subject_name(issuer.pointer)), "X509_set_issuer_name")
    }

    func setIssuerToSubject() throws(TLSError) {
        try check(X509_set_issuer_name(x509, X509_get_subject_name(x509)), "X509_set_issuer_name")
    }

    func add(_ part: CertificateExtension) throws(TLSError) {
        try check(X509_add_ext(x509, part.pointer, -1), "X509_add_ext")
    }

    /// Adds subject alternative names; the extension is critical when the subject is empty (RFC 5280, section 4.2.1.6).
    func addAlternativeNames(dnsNames: [String], ipAddresses: [IPAddress], critical: Bool) throws(TLSError) {
        guard let names = COpenSSL_GENERAL_NAMES_new() else { throw OpenSSLErrors.internalFailure("GENERAL_NAMES") }
        defer { COpenSSL_GENERAL_NAMES_free(names) }
        for name in dnsNames {
            let bytes = Array(name.utf8)
            try check(COpenSSL_GENERAL_NAMES_add(names, GEN_DNS, bytes, Int32(clamping: bytes.count)), "GENERAL_NAME")
        }
        for address in ipAddresses {
            try check(
                COpenSSL_GENERAL_NAMES_add(names, GEN_IPADD, address.bytes, Int32(address.bytes.count)),
                "GENERAL_NAME"
            )
        }
        let flags = UInt(X509V3_ADD_DEFAULT)
        try check(
            X509_add1_ext_i2d(x509, NID_subject_alt_name, UnsafeMutableRawPointer(names), critical ? 1 : 0, flags),
            "subjectAltName"
        )
    }

    /// Signs the certificate. Nothing may be set afterwards.
    func sign(with key: PrivateKey) throws(TLSError) -> X509Certificate {
        try check(X509_sign(x509, key.pointer, key.signatureDigest), "X509_sign")
        return certificate
    }

    private func check(_ result: Int32, _ operation: String) throws(TLSError) {
        guard result > 0 else { throw OpenSSLErrors.internalFailure(operation) }
    }
}

/// A complete X.509 extension. Owns an `X509_EXTENSION` that is never changed any more.
final class CertificateExtension: @unchecked Sendable {
    let pointer: OpaquePointer

    private init(owning pointer: OpaquePointer?) throws(TLSError) {
        guard let pointer else { throw OpenSSLErrors.internalFailure("certificate extension") }
        self.pointer = pointer
    }

    deinit { X509_EXTENSION_free(pointer) }

    static func basicConstraintsOfAuthority() throws(TLSError) -> CertificateExtension {
        try configured(NID_basic_constraints, "critical,CA:TRUE")
    }

    static func keyUsageOfAuthority() throws(TLSError) -> CertificateExtension {
        try configured(NID_key_usage, "critical,keyCertSign,cRLSign")
    }

    static func serverAuthentication() throws(TLSError) -> CertificateExtension {
        try configured(NID_ext_key_usage, "serverAuth")
    }

    /// An extension with the SHA-1 of the public key (RFC 5280, section 4.2.1.2, method 1).
    static func subjectKeyIdentifier(of key: PrivateKey) throws(TLSError) -> CertificateExtension {
        let identifier = try octets(keyIdentifier(of: key))
        defer { ASN1_OCTET_STRING_free(identifier) }
        return try CertificateExtension(owning: X509V3_EXT_i2d(NID_subject_key_identifier, 0, identifier))
    }

    /// An extension that names the issuer's key by its subject key identifier, if it has one.
    static func authorityKeyIdentifier(
        of issuer: X509Certificate,
        key: PrivateKey
    ) throws(TLSError)
        -> CertificateExtension
    {
        guard let identifier = AUTHORITY_KEYID_new() else { throw OpenSSLErrors.internalFailure("AUTHORITY_KEYID") }
        // This frees the octet string as well.
        defer { AUTHORITY_KEYID_free(identifier) }
        if let known = X509_get0_subject_key_id(issuer.pointer) {
            identifier.pointee.keyid = ASN1_OCTET_STRING_dup(known)
        } else {
            identifier.pointee.keyid = try octets(keyIdentifier(of: key))
        }
        return try CertificateExtension(owning: X509V3_EXT_i2d(NID_authority_key_identifier, 0, identifier))
    }

    private static func configured(_ kind: Int32, _ value: String) throws(TLSError) -> CertificateExtension {
        try CertificateExtension(owning: X509V3_EXT_conf_nid(nil, nil, kind, value))
    }

    private static func keyIdentifier(of key: PrivateKey) throws(TLSError) -> [UInt8] {
        var publicKey: OpaquePointer?
        guard X509_PUBKEY_set(&publicKey, key.pointer) == 1 else {
            throw OpenSSLErrors.internalFailure("X509_PUBKEY_set")
        }
        defer { X509_PUBKEY_free(publicKey) }
        var bytes: UnsafePointer<UInt8>?
        var count: Int32 = 0
        X509_PUBKEY_get0_param(nil, &bytes, &count, nil, publicKey)
        var digest = [UInt8](repeating: 0, count: 20)
        guard EVP_Digest(bytes, Int(count), &digest, nil, EVP_sha1(), nil) == 1 else {
            throw OpenSSLErrors.internalFailure("SHA-1")
        }
        return digest
    }

    /// The caller must free the result.
    private static func octets(_ bytes: [UInt8]) throws(TLSError) -> UnsafeMutablePointer<ASN1_OCTET_STRING> {
        guard let string = ASN1_OCTET_STRING_new(),
            ASN1_OCTET_STRING_set(string, bytes, Int32(clamping: bytes.count)) == 1
        else { throw OpenSSLErrors.internalFailure("ASN1_OCTET_STRING_set") }
        return string
    }
}
