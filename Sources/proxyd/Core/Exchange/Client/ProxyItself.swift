import AddonProtocol
import ProxyCodecs
import ProxyTLS

/// How the requests of a connection may call the proxy itself, besides by `setup_host` in their destination.
struct ProxyItself: Sendable {
    /// That of the listener; nil where no request is for a listener itself.
    let port: Int?
    let isNamedByHostField: Bool

    init(_ mode: ProxyMode, at address: ConnectionInfo.Address?) {
        port = mode.answersItself ? address?.port : nil
        isNamedByHostField = mode.kind == .transparent
    }
}

extension ProxyMode {
    /// Whether a client may speak to the proxy itself, by the address of its listener.
    var answersItself: Bool {
        switch kind {
        case .regular, .upstream: true
        case .reverse, .socks5, .transparent: false
        }
    }
}

extension Client {
    /// Whether this is the proxy itself: `setup_host`, or the address that the client has connected to.
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

    /// Whether the request of this flow is for the proxy itself.
    func isAskedItself(by flow: HTTPFlow, _ setupHost: String) -> Bool {
        if isProxyItself(host: flow.request.host, port: flow.request.port, setupHost) { return true }
        guard proxyItself.isNamedByHostField, let named = flow.request.hostField else { return false }
        return named.host.lowercased() == setupHost
    }
}

extension HTTPRequest {
    var hostField: Authority? { headers.first("host").flatMap { try? Authority(parsing: $0) } }
}
