/// What a certificate made on the fly is for.
package struct LeafRequest: Hashable, Sendable {
    /// The most names of one kind in a certificate.
    package static let nameLimit = 500
    /// The limit of ub-common-name (RFC 5280, appendix A) is 64, but some clients count the terminator.
    static let commonNameLimit = 63

    /// The common name of the subject.
    package let commonName: String?
    /// The DNS names, in lower case.
    package let dnsNames: [String]
    /// The IP addresses.
    package let ipAddresses: [IPAddress]

    /// Leaves out duplicates, and names that a certificate cannot contain (empty, over-long, not ASCII, with a NUL).
    package init(commonName: String?, dnsNames: [String], ipAddresses: [IPAddress] = []) {
        self.init(commonNames: [commonName].compactMap { $0 }, names: dnsNames, addresses: ipAddresses)
    }

    /// - Parameters:
    ///   - serverName: the server name in the ClientHello.
    ///   - connectHost: the host of the CONNECT request: a name or an IP address, IPv6 with or without brackets.
    ///   - upstream: the certificate of the server that the client wants, whose names are copied.
    package init(serverName: String?, connectHost: String?, upstream: PeerCertificate?) {
        let wanted = [serverName, connectHost].compactMap { $0 }
        self.init(
            commonNames: [upstream?.commonName].compactMap { $0 } + wanted,
            names: wanted + (upstream?.dnsNames ?? []),
            addresses: upstream?.ipAddresses ?? []
        )
    }

    private init(commonNames: [String], names: [String], addresses: [IPAddress]) {
        var dnsNames = UniqueList<String>(limit: Self.nameLimit)
        var ipAddresses = UniqueList<IPAddress>(limit: Self.nameLimit)
        for name in names {
            if let address = IPAddress(name) {
                ipAddresses.append(address)
            } else if let name = Self.dnsName(name) {
                dnsNames.append(name)
            }
        }
        for address in addresses { ipAddresses.append(address) }
        self.dnsNames = dnsNames.elements
        self.ipAddresses = ipAddresses.elements
        commonName = commonNames.first(where: Self.isCommonName)
    }

    /// The name in lower case without its final dot; nil when a certificate cannot contain it (RFC 1035, section 2.3.4).
    static func dnsName(_ text: String) -> String? {
        let name = (text.hasSuffix(".") ? text.dropLast() : text[...]).lowercased()
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(isNameByte) })
        else { return nil }
        return name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"): true
        default: false
        }
    }

    private static func isCommonName(_ text: String) -> Bool {
        (1...commonNameLimit).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

/// Distinct elements in the order of their first occurrence, up to a limit.
private struct UniqueList<Element: Hashable> {
    let limit: Int
    private(set) var elements: [Element] = []
    private var known: Set<Element> = []

    init(limit: Int) {
        self.limit = limit
    }

    mutating func append(_ element: Element) {
        guard elements.count < limit, known.insert(element).inserted else { return }
        elements.append(element)
    }
}
