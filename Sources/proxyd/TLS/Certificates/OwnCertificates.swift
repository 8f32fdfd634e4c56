/// The user's own certificates for some domains, which clients see instead of those made on the fly.
package struct OwnCertificates: Sendable {
    private var leaves: [String: LeafCertificate] = [:]

    /// No certificates.
    package init() {}

    /// Adds a PEM file with a key, its certificate and optionally a chain. It is used for the domain, and for the names in the
    /// certificate.
    ///
    /// - Parameter domain: a name, `*.` followed by a name, or `*` for all names.
    package mutating func add(_ path: String, for domain: String) throws(TLSError) {
        let leaf = try PEMFile.leaf(path)
        let names = [domain] + [leaf.certificate.commonName].compactMap { $0 } + leaf.certificate.dnsNames
        for name in names { leaves[Self.key(name)] = leaf }
        for address in leaf.certificate.ipAddresses { leaves[address.description] = leaf }
    }

    /// The certificate for the name, else for `*.` followed by the name without its first label (RFC 9525, section 6.3), else for `*`.
    ///
    /// - Parameter name: the host that the client asks for: a name or an IP address, IPv6 with or without brackets.
    package func leaf(for name: String) -> LeafCertificate? {
        guard !leaves.isEmpty else { return nil }
        let name = Self.key(name)
        return leaves[name] ?? Self.wildcard(of: name).flatMap { leaves[$0] } ?? leaves["*"]
    }

    /// A canonical form of a name or an address.
    private static func key(_ name: String) -> String {
        IPAddress(name)?.description ?? LeafRequest.dnsName(name) ?? name.lowercased()
    }

    /// `*.b.c` for `a.b.c`; nil for an address, and for a name with a single label.
    private static func wildcard(of name: String) -> String? {
        guard IPAddress(name) == nil, let dot = name.firstIndex(of: ".") else { return nil }
        return "*" + name[dot...]
    }
}
