import ProxyTLS

/// Addresses that the proxy never connects to: a network, or a class of networks.
enum AddressBlock: Hashable, Sendable {
    case network(IPNetwork)
    case kind(Kind)

    /// A class of networks.
    enum Kind: String, Sendable, CaseIterable {
        case isPrivate = "private"
        case loopback
        case linkLocal = "link_local"
    }

    /// Reads a network, or `private`, `loopback`, `link_local`.
    init?(parsing text: String) {
        if let kind = Kind(rawValue: text) {
            self = .kind(kind)
        } else if let network = IPNetwork(parsing: text) {
            self = .network(network)
        } else {
            return nil
        }
    }

    var text: String {
        switch self {
        case .network(let network): network.text
        case .kind(let kind): kind.rawValue
        }
    }

    /// Whether the address is blocked.
    func contains(_ address: IPAddress) -> Bool {
        switch self {
        case .network(let network): network.contains(address) || network.contains(address.unmapped)
        case .kind(.isPrivate): address.isPrivate
        case .kind(.loopback): address.isLoopback
        case .kind(.linkLocal): address.isLinkLocal
        }
    }
}

/// Why the proxy refuses to connect to an address.
struct BlockedAddress: Error, CustomStringConvertible {
    let address: String
    let block: AddressBlock

    /// Nil when no block contains the address.
    init?(_ address: IPAddress?, in blocks: [AddressBlock]) {
        guard let address, let block = blocks.first(where: { $0.contains(address) }) else { return nil }
        self.address = "\(address)"
        self.block = block
    }

    var description: String { "\(address) is blocked by upstream_block (\(block.text))" }
}
