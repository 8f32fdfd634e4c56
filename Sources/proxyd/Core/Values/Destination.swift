/// The key by which requests share a connection: the same destination and the same way of speaking to it.
struct Destination: Hashable, Sendable {
    /// Empty for a tunnel whose content is not known yet.
    var scheme: String
    var host: String
    var port: Int
    /// Whether it is known to speak HTTP/2 over clear text (RFC 9113, section 3.3).
    var speaksH2C = false
    /// Where an addon has routed it, whatever its host and port are.
    var route: Route?

    /// The same destination without the route that an addon chose.
    var named: Destination { Destination(scheme: scheme, host: host, port: port, speaksH2C: speaksH2C) }

    var isTunnel: Bool { scheme.isEmpty }
}
