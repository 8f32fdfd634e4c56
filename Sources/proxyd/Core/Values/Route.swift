/// Where an addon routes a request, whatever the request itself says.
final class Route: Hashable, Sendable {
    /// The server's address; nil means the one that the request names.
    let address: ConnectionInfo.Address?
    /// The upstream proxy, or none; nil means what the mode says.
    let via: UpstreamProxy??

    /// Nil when nothing is rerouted.
    init?(address: ConnectionInfo.Address?, via: UpstreamProxy??) {
        if address == nil, via == nil { return nil }
        self.address = address
        self.via = via
    }

    static func == (one: Route, other: Route) -> Bool {
        one === other || one.address == other.address && one.via == other.via
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(address)
        hasher.combine(via)
    }
}
