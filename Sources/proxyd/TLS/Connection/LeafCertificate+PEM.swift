extension LeafCertificate {
    /// Reads the PEM text of a certificate, its key, and perhaps a chain, and makes sure that TLS can be spoken with it.
    ///
    /// - Throws: a ``TLSError`` whose message goes on where the text is named: "it holds no private key".
    package static func reading(pem: [UInt8]) throws(TLSError) -> LeafCertificate {
        let leaf: LeafCertificate
        do throws(PEMFile.Broken) {
            leaf = try PEMFile.leaf(in: pem)
        } catch {
            throw TLSError(.settings, blame: .configuration, error.reason)
        }
        try TLSConnection.check(leaf)
        return leaf
    }
}
