import FlyingFox
import ProxyCore
import Testing

@testable import InspectorCore

struct AccessTests {
    private let access = Access(token: "0123456789abcdef0123456789abcdef", port: 8081)

    private func verdict(
        _ target: String,
        _ method: HTTPMethod = .GET,
        _ fields: [HTTPHeader: String]
    ) -> Access.Verdict {
        let parts = target.split(separator: "?", maxSplits: 1).map { String($0) }
        let place = HTTPRequest.Target(path: parts[0], query: parts.count > 1 ? parts[1] : "")
        let headers = HTTPHeaders(fields.merging([.host: "127.0.0.1:8081"]) { given, _ in given })
        return access.verdict(
            on: HTTPRequest(method: method, version: .http11, target: place, headers: headers, body: HTTPBodySequence())
        )
    }

    private func status(_ target: String, _ fields: [HTTPHeader: String], method: HTTPMethod = .GET) -> Int {
        switch verdict(target, method, fields) {
        case .allowed: 200
        case .redirect: 303
        case .refused(let status, _): status
        }
    }

    private var bearer: [HTTPHeader: String] { [.authorization: "Bearer \(access.token)"] }

    @Test func `the token may come in the address, as a cookie, or as bearer`() {
        #expect(verdict("/?token=\(access.token)", .GET, [:]) == .redirect)
        #expect(verdict("/api/info", .GET, bearer) == .allowed)
        #expect(verdict("/", .GET, [.cookie: "a=b; proxyd_inspector_8081=\(access.token); c=d"]) == .allowed)
        #expect(status("/api/info?token=\(access.token)", [:]) == 401)
        #expect(status("/?token=\(access.token)", [:], method: .POST) == 401)
        #expect(status("/", [.cookie: "proxyd_inspector_8080=\(access.token)"]) == 401)
        #expect(status("/", [.cookie: "xproxyd_inspector_8081=\(access.token)"]) == 401)
    }

    @Test(arguments: ["", "0", "0123456789abcdef0123456789abcdeF", "0123456789abcdef0123456789abcdef0"])
    func `a wrong token is refused`(_ token: String) {
        #expect(status("/?token=\(token)", bearer) == 401)
        #expect(status("/api/info", [.authorization: "Bearer \(token)"]) == 401)
    }

    @Test func `another host or origin is refused whatever the token`() {
        #expect(status("/api/info", bearer.merging([.host: "evil.example:8081"]) { $1 }) == 403)
        #expect(status("/?token=\(access.token)", [.host: "127.0.0.1:8082"]) == 403)
        #expect(status("/api/info", bearer.merging([HTTPHeader("Origin"): "http://evil.example"]) { $1 }) == 403)
        #expect(status("/api/info", bearer.merging([HTTPHeader("Sec-Fetch-Site"): "cross-site"]) { $1 }) == 403)
        #expect(status("/api/info", bearer.merging([HTTPHeader("Origin"): "http://127.0.0.1:8081"]) { $1 }) == 200)
    }

    @Test func `tokens are long and differ`() {
        let tokens = Set((0..<100).map { _ in randomToken() })
        #expect(tokens.count == 100 && tokens.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) })
    }
}
