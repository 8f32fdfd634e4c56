/// Where an addon sends a request, whatever the request itself says.
final class Route: Hashable, Sendable {
    /// Nil: where the request says.
    let address: ConnectionInfo.Address?
    /// The proxy on the way, or none; nil: as the mode has it.
    let via: UpstreamProxy??

    /// Nil when nothing is sent elsewhere.
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
