import AddonProtocol
import NIOCore
import ProxyTLS

/// The proxy as a server of its own: the set-up page, and the certificates that it offers. All of it is public.
struct SetupSite {
    let client: ClientConnection
    let request: HTTPRequest

    var response: HTTPResponse {
        let path = String(decoding: request.path.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        guard let resource = Resource(path) else {
            return .page(404, "there is nothing at \(path) on the proxy itself; the set-up page is at /")
        }
        guard ["GET", "HEAD"].contains(request.method) else {
            var refusal = HTTPResponse.page(405, "the set-up page answers GET and HEAD only")
            refusal.headers.append("Allow", "GET, HEAD")
            return refusal
        }
        do throws(TLSError) {
            return .own(try content(of: resource), resource.mediaType, resource.fields)
        } catch {
            return .page(500, error.message)
        }
    }

    private enum Resource {
        case page
        /// A style sheet that the page loads over TLS: where it comes through, the CA is trusted.
        case trustCheck
        case certificate(CertificateFormat)

        init?(_ path: String) {
            switch path {
            case "/": self = .page
            case "/trusted.css": self = .trustCheck
            default:
                guard path.hasPrefix("/cert/"), let format = CertificateFormat(rawValue: String(path.dropFirst(6)))
                else {
                    return nil
                }
                self = .certificate(format)
            }
        }

        var mediaType: String {
            switch self {
            case .page: "text/html; charset=utf-8"
            case .trustCheck: "text/css; charset=utf-8"
            case .certificate(let format): format.mediaType
            }
        }

        var fields: [(String, String)] {
            switch self {
            case .page: [("Content-Security-Policy", SetupPage.policy), ("Referrer-Policy", "no-referrer")]
            case .trustCheck: []
            case .certificate(let format): [("Content-Disposition", "attachment; filename=\"\(format.fileName)\"")]
            }
        }
    }

    private func content(of resource: Resource) throws(TLSError) -> [UInt8] {
        let authority = client.services.authority
        switch resource {
        case .page: return Array(page(authority).html.utf8)
        case .trustCheck: return Array(SetupPage.trustedStyle.utf8)
        case .certificate(let format): return try authority.certificate(as: format)
        }
    }

    private func page(_ authority: CertificateAuthority) -> SetupPage {
        let isProxied = isNamed || !request.authority.isEmpty && request.version != .http2
        let name = client.loop.options.setupHost.map { Authority(host: $0, port: nil) }
        return SetupPage(
            address: address,
            isProxied: isProxied,
            // Through the proxy not every name of its own leads to it: that may take a connection to see.
            trustCheck: isProxied && !isNamed ? name ?? address : address,
            proxy: SetupAddress(client: client, asked: isNamed ? nil : address).reachable,
            subject: authority.subject,
            fingerprint: authority.sha256,
            notAfter: authority.notAfter
        )
    }

    /// Whether the client calls the proxy by `setup_host`.
    private var isNamed: Bool { address.host.lowercased() == client.loop.options.setupHost }

    /// The proxy as the client calls it.
    private var address: Authority {
        if client.proxyItself.isNamedByHostField, let named = request.hostField { return named }
        let isTLS = request.scheme == "https"
        return Authority(host: request.host, port: request.port == (isTLS ? 443 : 80) ? nil : request.port)
    }
}

extension HTTPExchange {
    /// Whether the request is for the proxy itself.
    func isForProxyItself(_ setupHost: String) -> Bool {
        if client.isProxyItself(host: flow.request.host, port: flow.request.port, setupHost) { return true }
        guard client.proxyItself.isNamedByHostField, let named = flow.request.hostField else { return false }
        return named.host.lowercased() == setupHost
    }

    /// Whether a client speaks to the proxy as if it were the server, so that Host alone says where the request goes. It may
    /// name the proxy itself in a way that only the way back shows, such as the address of a port forwarder.
    var isSentByHostAlone: Bool {
        client.proxyItself.port != nil && client.serverAddress == nil && flow.request.authority.isEmpty
            && flow.request.version != .http2
    }
}

extension ClientConnection {
    /// Whether this is the proxy itself: `setup_host`, or the address that the client has connected to.
    func isProxyItself(host: String, port: Int) -> Bool {
        guard let setupHost = loop.options.setupHost else { return false }
        return isProxyItself(host: host, port: port, setupHost)
    }

    fileprivate func isProxyItself(host: String, port: Int, _ setupHost: String) -> Bool {
        let isNamed = host.utf8.count == setupHost.utf8.count && host.lowercased() == setupHost
        guard isNamed || port == proxyItself.port, serverAddress == nil else { return false }
        return isNamed ? !mode.isReverse : isOwnAddress(host)
    }

    private func isOwnAddress(_ host: String) -> Bool {
        guard let own = info.sockname?.host, let address = IPAddress(own) else { return false }
        return IPAddress(host) == address || host.lowercased() == "localhost" && address.isLoopback
    }
}

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

extension HTTPRequest {
    fileprivate var hostField: Authority? { headers.first("host").flatMap { try? Authority(parsing: $0) } }
}

extension HTTPResponse {
    fileprivate static func own(_ content: [UInt8], _ mediaType: String, _ fields: [(String, String)]) -> HTTPResponse {
        var response = HTTPResponse.page(200, "")
        response.headers = [
            "Content-Type": mediaType, "Content-Length": String(content.count), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        ]
        for (name, value) in fields { response.headers.append(name, value) }
        response.body = .whole(ByteBuffer(bytes: content))
        return response
    }
}
