import ProxyCodecs

/// How clients reach one listener: `NAME[:DATA][@[HOST:]PORT]`, in mitmproxy's syntax.
package struct ProxyMode: Hashable, Sendable {
    /// The kinds of modes.
    package enum Kind: Hashable, Sendable {
        /// Clients know that they speak to a proxy.
        case regular
        /// Clients take the proxy for the server.
        case reverse(ReverseTarget)
        /// Like `regular`, but every server is reached through another proxy.
        case upstream(UpstreamProxy)
        /// Clients speak SOCKS 5 (RFC 1928).
        case socks5
        /// The kernel redirects connections to the proxy.
        case transparent
    }

    /// Which mode it is, with its data.
    package let kind: Kind
    /// The host to listen on; nil means the one of the option `listen`.
    package let host: String?
    /// The port to listen on; nil means the mode's default.
    package let port: Int?
    /// The mode as the user wrote it.
    package let text: String

    /// The mode `regular`, at the address of `listen`.
    package static let regular = ProxyMode(kind: .regular, host: nil, port: nil, text: "regular")

    static let allowed = """
        a list of regular, reverse:SCHEME://HOST[:PORT] (http, https, h2c, tcp, tls), upstream:http[s]://HOST[:PORT], \
        socks5, transparent; each may end with @[HOST:]PORT
        """

    private init(kind: Kind, host: String?, port: Int?, text: String) {
        self.kind = kind
        self.host = host
        self.port = port
        self.text = text
    }

    /// Nil when the text is not a mode.
    package init?(parsing text: String) {
        var specification = text[...]
        var address: (host: String?, port: Int)?
        if let at = text.lastIndex(of: "@") {
            address = Self.address(text[text.index(after: at)...])
            guard address != nil else { return nil }
            specification = text[..<at]
        }
        guard let kind = Self.kind(specification) else { return nil }
        self.init(kind: kind, host: address?.host, port: address?.port, text: text)
    }

    private static func address(_ text: Substring) -> (host: String?, port: Int)? {
        if let port = UInt16(text) { return (nil, Int(port)) }
        return HostPort(parsing: String(text)).map { ($0.host, $0.port) }
    }

    private static func kind(_ text: Substring) -> Kind? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].lowercased()
        switch (name, parts.dropFirst().first) {
        case ("regular", nil): return .regular
        case ("socks5", nil): return .socks5
        case ("transparent", nil): return .transparent
        case ("reverse", let data?): return ServerSpec(parsing: data).flatMap(ReverseTarget.init).map { .reverse($0) }
        case ("upstream", let data?): return ServerSpec(parsing: data).flatMap(UpstreamProxy.init).map { .upstream($0) }
        default: return nil
        }
    }

    /// The address to listen on, given the option `listen`.
    func address(default listen: HostPort) -> HostPort {
        HostPort(host: host ?? listen.host, port: port ?? (listen.port == Self.usualPort ? defaultPort : listen.port))
    }

    static let usualPort = 8080

    /// The mode's own default port, which applies unless `listen` sets an unusual one.
    private var defaultPort: Int {
        switch kind {
        case .socks5: 1080
        case .regular, .reverse, .upstream, .transparent: Self.usualPort
        }
    }
}

extension ProxyMode {
    /// The proxy through which servers are reached, if the mode has one.
    var upstreamProxy: UpstreamProxy? {
        if case .upstream(let proxy) = kind { proxy } else { nil }
    }

    var isReverse: Bool { reverseDestination != nil }

    /// Where requests go in reverse mode.
    var reverseDestination: Destination? {
        if case .reverse(let target) = kind { target.destination } else { nil }
    }
}

extension ProxyMode.Kind {
    /// Whether the client's protocol has a place for a name and a password.
    var canLogIn: Bool {
        switch self {
        case .regular, .upstream, .socks5: true
        case .reverse(let target): target.speaksHTTP
        case .transparent: false
        }
    }
}

/// The server behind a reverse proxy.
package struct ReverseTarget: Hashable, Sendable {
    /// How the proxy speaks to the server.
    package enum Scheme: String, Sendable {
        case http, https
        /// HTTP/2 over clear text, with prior knowledge (RFC 9113, section 3.3).
        case h2c
        /// Raw bytes, without or with TLS to the server.
        case tcp, tls
    }

    /// How the proxy speaks to the server.
    package var scheme: Scheme
    /// The server's host.
    package var host: String
    /// The server's port.
    package var port: Int
}

extension ReverseTarget {
    /// The scheme defaults to https. For tcp and tls, the port is required.
    init?(_ server: ServerSpec) {
        guard let scheme = Scheme(rawValue: server.scheme ?? "https") else { return nil }
        let usual: Int? = [.http: 80, .https: 443, .h2c: 80][scheme]
        guard let port = server.port ?? usual else { return nil }
        self.init(scheme: scheme, host: server.host, port: port)
    }

    /// Whether the connection to the server uses TLS.
    var usesTLS: Bool {
        switch scheme {
        case .https, .tls: true
        case .http, .h2c, .tcp: false
        }
    }

    var speaksHTTP: Bool {
        switch scheme {
        case .http, .https, .h2c: true
        case .tcp, .tls: false
        }
    }

    /// The server as a destination of requests.
    var destination: Destination {
        .init(scheme: usesTLS ? "https" : "http", host: host, port: port, speaksH2C: scheme == .h2c)
    }
}

extension UpstreamProxy {
    init?(_ server: ServerSpec) {
        guard let scheme = Scheme(rawValue: server.scheme ?? "http") else { return nil }
        let usual = scheme == .https ? 443 : 80
        self.init(scheme: scheme, host: server.host, port: server.port ?? usual)
    }
}

/// Reads `[SCHEME://]HOST[:PORT][/]`.
struct ServerSpec {
    /// In lower case.
    var scheme: String?
    var host: String
    var port: Int?

    /// Reads a server from a mode's data; nil when it is malformed.
    init?(parsing text: Substring) {
        var rest = text
        if let separator = text.range(of: "://") {
            scheme = text[..<separator.lowerBound].lowercased()
            rest = text[separator.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let authority = try? Authority(parsing: Array(rest.utf8)[...]) else { return nil }
        host = authority.host
        port = authority.port
    }
}

extension Substring {
    fileprivate func range(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}

extension [ProxyMode] {
    /// Two of these modes that would listen on the same address, and that address.
    func clash(default listen: HostPort) -> (ProxyMode, ProxyMode, HostPort)? {
        for (index, mode) in enumerated() {
            let address = mode.address(default: listen)
            for other in self[..<index] where address.collides(with: other.address(default: listen)) {
                return (other, mode, address)
            }
        }
        return nil
    }
}

extension HostPort {
    /// Whether a listener here would conflict with one at `other`.
    func collides(with other: HostPort) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return host == other.host || isWildcard || other.isWildcard
    }

    /// Whether it stands for every address of the machine.
    var isWildcard: Bool { ["0.0.0.0", "::", ""].contains(host) }
}
