/// Certificates that a user has for some domains, which clients see in place of those made on the fly.
package struct OwnCertificates: Sendable {
    private var leaves: [String: LeafCertificate] = [:]

    package init() {}

    /// Adds a PEM file with a key, its certificate and perhaps a chain. It is for the domain, and for the names that the
    /// certificate itself holds.
    ///
    /// - Parameter domain: a name, `*.` and what follows in a name, or `*` for all.
    package mutating func add(_ path: String, for domain: String) throws(TLSError) {
        let leaf = try PEMFile.leaf(path)
        let names = [domain] + [leaf.certificate.commonName].compactMap { $0 } + leaf.certificate.dnsNames
        for name in names { leaves[name.lowercased()] = leaf }
        for address in leaf.certificate.ipAddresses { leaves[address.description] = leaf }
    }

    /// The certificate for the first of the wanted names that has one; of a name that has several the most specific.
    package func leaf(for request: LeafRequest) -> LeafCertificate? {
        guard !leaves.isEmpty else { return nil }
        for name in request.dnsNames {
            for form in Self.forms(of: name) {
                if let leaf = leaves[form] { return leaf }
            }
        }
        for address in request.ipAddresses {
            if let leaf = leaves[address.description] { return leaf }
        }
        return leaves["*"]
    }

    /// `a.b.c`, `*.b.c`, `*.c`.
    private static func forms(of name: String) -> [String] {
        let labels = name.split(separator: ".")
        return [name] + (1..<max(labels.count, 1)).map { "*." + labels[$0...].joined(separator: ".") }
    }
}
