/// What requests share a connection: the same destination, spoken to in the same way.
struct Destination: Hashable, Sendable {
    /// Empty for a tunnel, of which it is not known yet what it carries.
    var scheme: String
    var host: String
    var port: Int
    /// Whether it is known to speak HTTP/2 in clear text (RFC 9113, section 3.3).
    var speaksH2C = false
    /// Where an addon has sent it, whatever the host and the port are.
    var route: Route?

    /// The same without regard to where an addon has sent it.
    var named: Destination { Destination(scheme: scheme, host: host, port: port, speaksH2C: speaksH2C) }

    var isTunnel: Bool { scheme.isEmpty }
}
