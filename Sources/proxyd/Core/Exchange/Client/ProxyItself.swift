import AddonProtocol
import ProxyCodecs
import ProxyTLS

/// The ways in which a connection's requests can name the proxy itself, besides `setup_host` as their destination.
struct ProxyItself: Sendable {
    /// The listener's port; nil when requests are never for the listener itself.
    let port: Int?
    let isNamedByHostField: Bool

    init(_ mode: ProxyMode, at address: ConnectionInfo.Address?) {
        port = mode.answersItself ? address?.port : nil
        isNamedByHostField = mode.kind == .transparent
    }
}

extension ProxyMode {
    /// Whether clients may address the proxy by its listener's address.
    var answersItself: Bool {
        switch kind {
        case .regular, .upstream: true
        case .reverse, .socks5, .transparent: false
        }
    }
}

extension Client {
    /// Whether this is the proxy itself: `setup_host`, or the address to which the client connected.
    func isProxyItself(host: String, port: Int) -> Bool {
        guard let setupHost = loop.options.setupHost else { return false }
        return isProxyItself(host: host, port: port, setupHost)
    }

    private func isProxyItself(host: String, port: Int, _ setupHost: String) -> Bool {
        let isNamed = host.utf8.count == setupHost.utf8.count && host.lowercased() == setupHost
        guard isNamed || port == proxyItself.port, serverAddress == nil else { return false }
        return isNamed ? !mode.isReverse : isOwnAddress(host)
    }

    private func isOwnAddress(_ host: String) -> Bool {
        guard let own = info.sockname?.host, let address = IPAddress(own) else { return false }
        return IPAddress(host) == address || host.lowercased() == "localhost" && address.isLoopback
    }

    /// Whether the flow's request is for the proxy itself.
    func isAskedItself(by flow: HTTPFlow, _ setupHost: String) -> Bool {
        if isProxyItself(host: flow.request.host, port: flow.request.port, setupHost) { return true }
        guard proxyItself.isNamedByHostField, let named = flow.request.hostField else { return false }
        return named.host.lowercased() == setupHost
    }
}

extension HTTPRequest {
    var hostField: Authority? { headers.first("host").flatMap { try? Authority(parsing: $0) } }
}
