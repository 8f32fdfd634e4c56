extension LeafCertificate {
    /// Parses the PEM text of a certificate, its key, and optionally a chain, and checks that they work for TLS.
    ///
    /// - Throws: a ``TLSError`` whose message completes a sentence that names the text: "it holds no private key".
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
