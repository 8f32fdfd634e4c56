import AddonProtocol
import FlyingFox

/// Decides who may use the inspector: whoever has the token, from one of the inspector's own pages.
///
/// A page elsewhere could also send requests to a loopback address, and a host name can be made to resolve to it (DNS
/// rebinding). So `Host` and `Origin` must be the inspector's.
struct Access: Sendable {
    enum Verdict: Equatable {
        case allowed
        /// The token was in the address; a cookie replaces it.
        case redirect
        case refused(Int, String)
    }

    let token: String
    let port: Int

    /// Browsers do not separate cookies by port, so the name has the port.
    var cookieName: String { "proxyd_inspector_\(port)" }
    var cookie: String { "\(cookieName)=\(token); HttpOnly; SameSite=Strict; Path=/" }

    private var hosts: [String] { ["127.0.0.1:\(port)", "localhost:\(port)", "[::1]:\(port)"] }

    func verdict(on request: HTTPRequest) -> Verdict {
        guard let host = request.headers[.host]?.lowercased(), hosts.contains(host) else {
            return .refused(403, "Host: allowed are \(hosts.joined(separator: ", "))")
        }
        if let origin = request.headers[HTTPHeader("Origin")], origin.lowercased() != "http://\(host)" {
            return .refused(403, "Origin: only the inspector's own page may ask")
        }
        if let site = request.headers[HTTPHeader("Sec-Fetch-Site")], !["same-origin", "none"].contains(site) {
            return .refused(403, "Sec-Fetch-Site: only the inspector's own page may ask")
        }
        if request.method == .GET, request.path == "/", let given = Query(request)["token"] {
            return isRight(given) ? .redirect : .refused(401, "this token is not, or no longer, the right one")
        }
        let given = [cookieToken(request), bearer(request)].compactMap(\.self)
        guard given.contains(where: isRight) else {
            return .refused(401, "open the address that the inspector printed when it started, with its token")
        }
        return .allowed
    }

    /// Takes the same time for every wrong token.
    private func isRight(_ given: some StringProtocol) -> Bool {
        let (given, right) = (Array(given.utf8), Array(token.utf8))
        guard given.count == right.count else { return false }
        return zip(given, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func cookieToken(_ request: HTTPRequest) -> Substring? {
        (request.headers[.cookie] ?? "").split(separator: ";").lazy
            .map { $0.drop { $0 == " " } }
            .first { $0.hasPrefix(cookieName + "=") }?
            .dropFirst(cookieName.count + 1)
    }

    private func bearer(_ request: HTTPRequest) -> Substring? {
        guard let field = request.headers[.authorization], field.hasPrefix("Bearer ") else { return nil }
        return field.dropFirst("Bearer ".count)
    }
}
