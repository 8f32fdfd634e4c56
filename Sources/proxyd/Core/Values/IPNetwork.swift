import ProxyTLS

/// A network such as `10.0.0.0/8` (RFC 4632), or a single address.
struct IPNetwork: Hashable, Sendable {
    private let address: IPAddress
    /// The length of the prefix, in bits.
    private let length: Int

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or an address. The bits after the prefix must be 0.
    init?(parsing text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard !text.hasPrefix("["), !parts[0].contains("%"), let address = IPAddress(String(parts[0])) else {
            return nil
        }
        let bits = address.bytes.count * 8
        var length = bits
        if parts.count == 2 {
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(parts[1]), number <= bits
            else { return nil }
            length = number
        }
        self.address = address
        self.length = length
        guard Self.bits(of: address, from: length).allSatisfy({ $0 == 0 }) else { return nil }
    }

    var text: String { length == address.bytes.count * 8 ? "\(address)" : "\(address)/\(length)" }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let (whole, rest) = (length / 8, length % 8)
        guard address.bytes.prefix(whole) == other.bytes.prefix(whole) else { return false }
        return rest == 0 || (address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest) == 0
    }

    /// The bits of the address after the prefix, in bytes.
    private static func bits(of address: IPAddress, from length: Int) -> [UInt8] {
        var bytes = address.bytes
        for index in bytes.indices {
            let kept = min(max(length - index * 8, 0), 8)
            bytes[index] &= kept == 8 ? 0 : 0xff >> kept
        }
        return bytes
    }
}

extension [IPNetwork] {
    func contain(_ address: IPAddress) -> Bool { contains { $0.contains(address) } }
}

extension IPAddress {
    /// The IPv4 address that an IPv6 address stands for, either mapped (RFC 4291, section 2.5.5.2) or embedded for a
    /// translator (RFC 6052, section 2.1). Any other address is returned as it is.
    var unmapped: IPAddress {
        guard Self.standIns.contain(self) else { return self }
        return IPAddress(bytes: Array(bytes.suffix(4))) ?? self
    }

    private static let standIns = networks("::ffff:0:0/96", "64:ff9b::/96")

    /// Whether it is this machine, including 0.0.0.0 and ::, which Linux treats as loopback.
    var isLoopback: Bool { Self.loopback.contain(unmapped) }
    /// Whether it belongs to a private network (RFC 1918, RFC 4193, RFC 6598).
    var isPrivate: Bool { Self.privateUse.contain(unmapped) }
    /// Whether it is link-local (RFC 3927, RFC 4291).
    var isLinkLocal: Bool { Self.linkLocal.contain(unmapped) }
    /// Whether it may belong to any host on the Internet (RFC 6890).
    var isGlobal: Bool { !isLoopback && !isPrivate && !isLinkLocal && !Self.reserved.contain(unmapped) }

    private static let loopback = networks("127.0.0.0/8", "0.0.0.0/8", "::1", "::")
    private static let privateUse = networks(
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7"
    )
    private static let linkLocal = networks("169.254.0.0/16", "fe80::/10")
    private static let reserved = networks(
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
        "100::/64",
        "2001:2::/48",
        "2001:db8::/32"
    )

    private static func networks(_ texts: String...) -> [IPNetwork] { texts.compactMap(IPNetwork.init(parsing:)) }
}
