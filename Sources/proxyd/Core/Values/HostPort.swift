/// A host and a TCP port, written `HOST:PORT`, with an IPv6 address in brackets.
package struct HostPort: Sendable, Equatable, CustomStringConvertible {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    package var host: String
    /// The port, 0 to 65535.
    package var port: Int

    /// Creates a pair of host and port.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Nil when the host or the port is missing, or the port is not within 0 to 65535.
    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || "[]/".contains($0) }) else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// `HOST:PORT`.
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
