import COpenSSL
import Synchronization

/// The authority that signs the certificates shown to the proxy's clients.
///
/// Its key is EC P-256. Leaf certificates have such a key too, so a client that cannot verify ECDSA could not use the
/// proxy anyway, and signing takes a twentieth of the time of RSA-2048.
package final class CertificateAuthority: Sendable {
    /// The most leaf certificates kept.
    package static let leafLimit = 1_000
    static let authorityDays = 3_650
    /// The lifetime of a leaf in days. Browsers refuse long-lived leaves; together with `leafDaysBefore` it stays under their limit of 200.
    static let leafDays = 197
    /// How many days before now a leaf becomes valid, for clients whose clock is behind.
    static let leafDaysBefore = 2

    let certificate: X509Certificate
    let key: PrivateKey
    private let leafKey: PrivateKey
    private let chain: CertificateChain
    private let leafExtensions: [CertificateExtension]
    private let leaves = Mutex(LRUCache<LeafRequest, LeafCertificate>(limit: leafLimit))

    /// - Parameter intermediates: further certificates in the authority's file; those that are not self-signed are sent to clients.
    init(certificate: X509Certificate, key: PrivateKey, intermediates: [X509Certificate] = []) throws(TLSError) {
        self.certificate = certificate
        self.key = key
        leafKey = try .generateP256()
        // A root is not sent, since a client either has it or does not trust it.
        chain = try CertificateChain(([certificate] + intermediates).filter { !$0.isSelfIssued })
        leafExtensions = [
            try .serverAuthentication(),
            try .subjectKeyIdentifier(of: leafKey),
            try .authorityKeyIdentifier(of: certificate, key: key),
        ]
    }

    /// Loads the authority in `directory`, or creates one if there is none.
    ///
    /// Files: `proxyd-ca.pem` (key and certificate, mode 0600), `proxyd-ca-cert.pem`, `proxyd-ca-cert.cer` (DER),
    /// `proxyd-ca-cert.p12` (empty password). A broken `proxyd-ca.pem` is an error and is left as it is.
    package static func loadOrCreate(in directory: String) throws(TLSError) -> CertificateAuthority {
        try AuthorityFiles(directory: directory).loadOrCreate()
    }

    /// Loads the authority in `directory` without writing anything; nil when there is none. A broken one is an error.
    package static func load(in directory: String) throws(TLSError) -> CertificateAuthority? {
        try AuthorityFiles(directory: directory).load()
    }

    /// The path of the file in `directory` with the authority's key and certificate.
    package static func path(in directory: String) -> String { AuthorityFiles(directory: directory).authority }

    /// The authority's certificate, for clients to trust.
    package var pem: String { certificate.pem }
    /// The SHA-256 of the certificate's DER, as lower-case hexadecimal digits.
    package var sha256: String { certificate.sha256 }
    /// The subject in one line: `CN=proxyd,O=proxyd`.
    package var subject: String { certificate.subject }
    /// The start of the validity, as `Jan  1 00:00:00 2030 GMT`.
    package var notBefore: String { certificate.notBefore }
    /// The end of the validity, in the same form.
    package var notAfter: String { certificate.notAfter }

    /// The certificate for clients to install, without its key.
    package func certificate(as format: CertificateFormat) throws(TLSError) -> [UInt8] {
        try certificate.bytes(as: format)
    }

    /// The certificate for these names, either new or from the cache.
    package func leaf(for request: LeafRequest) throws(TLSError) -> LeafCertificate {
        if let known = leaves.withLock({ $0.value(for: request) }) { return known }
        let made = try mint(request)
        return leaves.withLock { leaves in
            if let known = leaves.value(for: request) { return known }
            leaves.insert(made, for: request)
            return made
        }
    }

    /// The number of leaf certificates kept, at most `leafLimit`.
    package var leafCount: Int { leaves.withLock { $0.count } }

    static func create() throws(TLSError) -> (X509Certificate, PrivateKey) {
        let key = try PrivateKey.generateP256()
        let builder = try CertificateBuilder()
        try builder.setRandomSerial()
        try builder.setValidity(from: -leafDaysBefore, to: authorityDays)
        try builder.addSubject(NID_commonName, "proxyd")
        try builder.addSubject(NID_organizationName, "proxyd")
        try builder.setIssuerToSubject()
        try builder.setKey(key)
        try builder.add(.basicConstraintsOfAuthority())
        try builder.add(.keyUsageOfAuthority())
        try builder.add(.subjectKeyIdentifier(of: key))
        return (try builder.sign(with: key), key)
    }

    private func mint(_ request: LeafRequest) throws(TLSError) -> LeafCertificate {
        let builder = try CertificateBuilder()
        try builder.setRandomSerial()
        try builder.setValidity(from: -Self.leafDaysBefore, to: Self.leafDays)
        if let name = request.commonName { try builder.addSubject(NID_commonName, name) }
        try builder.setIssuer(certificate)
        try builder.setKey(leafKey)
        for part in leafExtensions { try builder.add(part) }
        if !request.dnsNames.isEmpty || !request.ipAddresses.isEmpty {
            try builder.addAlternativeNames(
                dnsNames: request.dnsNames,
                ipAddresses: request.ipAddresses,
                critical: request.commonName == nil
            )
        }
        return LeafCertificate(certificate: try builder.sign(with: key), key: leafKey, chain: chain)
    }
}
