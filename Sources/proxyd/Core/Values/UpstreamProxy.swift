import AddonProtocol

/// A proxy through which servers are reached, as `server_conn.via` shows it: `["http", ["host", 8080]]`.
package struct UpstreamProxy: Hashable, Sendable, CustomStringConvertible {
    /// How to speak to the proxy.
    package enum Scheme: String, Sendable {
        case http
        /// With TLS to the proxy itself.
        case https
    }

    /// How to speak to the proxy.
    package var scheme: Scheme
    /// The proxy's host.
    package var host: String
    /// The proxy's port.
    package var port: Int

    /// The proxy as a URL.
    package var description: String { "\(scheme.rawValue)://\(HostPort(host: host, port: port))" }
}

extension UpstreamProxy {
    /// Reads a value of `server_conn.via` that is not null.
    init(_ value: JSONValue, at path: String) throws(PatchRefusal) {
        guard let pair = value.arrayValue, pair.count == 2 else {
            throw .wrongType(path, value, allowed: "[\"http\" or \"https\", [\"host\", port]], or null")
        }
        guard let scheme = Scheme(rawValue: try pair[0].string(at: path)) else {
            throw PatchRefusal(path, "found \(pair[0].shortText); allowed: http, https")
        }
        let address = try ConnectionInfo.Address(pair[1], at: path)
        self.init(scheme: scheme, host: address.host, port: address.port)
    }
}

extension JSONWriter {
    mutating func field(_ name: StaticString, _ proxy: UpstreamProxy?) {
        key(name)
        guard let proxy else { return null() }
        beginArray()
        string(proxy.scheme.rawValue)
        beginArray()
        string(proxy.host)
        integer(proxy.port)
        endArray()
        endArray()
    }
}
