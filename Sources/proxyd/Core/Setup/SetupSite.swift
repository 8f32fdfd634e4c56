import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// The proxy as a server of its own: the set-up page and the certificates that it offers, all of them public.
struct SetupSite {
    let client: Client
    let request: HTTPRequest

    var response: HTTPResponse {
        let path = String(decoding: request.path.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        guard let resource = Resource(path) else {
            return .page(404, "there is nothing at \(path) on the proxy itself; the set-up page is at /")
        }
        guard ["GET", "HEAD"].contains(request.method) else {
            var refusal = HTTPResponse.page(405, "the set-up page only supports GET and HEAD")
            refusal.headers.append("Allow", "GET, HEAD")
            return refusal
        }
        do throws(TLSError) {
            return .own(try content(of: resource), resource.mediaType, resource.fields)
        } catch {
            return .page(500, error.message)
        }
    }

    /// What the site offers, by path.
    private enum Resource {
        case page
        /// A style sheet that the page loads over TLS: if it loads, the CA is trusted.
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
            // Through the proxy, not every name of the proxy leads to it; finding out may take a connection.
            trustCheck: isProxied && !isNamed ? name ?? address : address,
            proxy: SetupAddress(client: client, asked: isNamed ? nil : address).reachable,
            subject: authority.subject,
            fingerprint: authority.sha256,
            notAfter: authority.notAfter
        )
    }

    /// Whether the client uses the name `setup_host`.
    private var isNamed: Bool { address.host.lowercased() == client.loop.options.setupHost }

    /// The proxy's address as the client knows it.
    private var address: Authority {
        if client.proxyItself.isNamedByHostField, let named = request.hostField { return named }
        let isTLS = request.scheme == "https"
        return Authority(host: request.host, port: request.port == (isTLS ? 443 : 80) ? nil : request.port)
    }
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
