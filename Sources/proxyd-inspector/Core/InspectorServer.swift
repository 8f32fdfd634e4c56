import AddonProtocol
import FlyingFox
import FlyingSocks
import Foundation

/// Serves the page and answers its requests, on a loopback address.
///
/// It uses FlyingFox, which has no dependencies and takes seconds to build, where a server on NIO would take minutes; a page
/// for one person needs no more.
struct InspectorServer: Sendable {
    let access: Access
    let routes: Routes
    private let address: ListenAddress
    private let server: HTTPServer

    /// - Parameter address: a loopback address. Port 0 takes a free port, which is then in `access`.
    init(_ address: ListenAddress, token: String, routes: Routes) throws {
        access = Access(token: token, port: Int(address.port))
        self.routes = routes
        self.address = address
        let address = try address.socketAddress
        server = HTTPServer(config: .init(address: address, timeout: Self.longestAnswer, logger: .disabled))
    }

    func run() async throws {
        await server.appendRoute("*") { request in await answer(request) }
        let listens = Task {
            try await server.waitUntilListening()
            return true
        }
        while true {
            do {
                try await server.run()
            } catch {
                listens.cancel()
                // When no connection can be accepted, such as for lack of descriptors, it starts listening again.
                guard !Task.isCancelled, await (try? listens.value) == true else { throw failure(error) }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func failure(_ error: any Error) -> any Error {
        guard let error = error as? SocketError else { return error }
        return Failure(500, "cannot serve the page on \(address): \(error.reason)")
    }

    /// Waits until the server accepts connections.
    func waitUntilReady() async throws { try await server.waitUntilListening(timeout: 10) }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        var response =
            switch access.verdict(on: request) {
            case .allowed where request.method != .POST && !request.hasSmallBody:
                Failure(400, "\(request.method.rawValue.prefix(40)) takes no body").response
            case .allowed: await routes.answer(request)
            case .redirect:
                HTTPResponse(
                    statusCode: .seeOther,
                    headers: HTTPHeaders([.location: "/", .setCookie: access.cookie])
                )
            case .refused(let status, let message) where request.path == "/":
                HTTPResponse.text(message + "\n", status: status)
            case .refused(let status, let message): Failure(status, message).response
            }
        for (name, value) in Self.fields where response.headers[name] == nil { response.headers[name] = value }
        if request.method == .HEAD { return response.with(HTTPBodySequence()) }
        return await response.ending(after: request)
    }

    /// The longest time for an answer, in seconds. The slowest is the import of a large file.
    private static let longestAnswer = 300.0

    /// Fields that protect the page from other sites, and from what flows contain.
    private static let fields: [HTTPHeader: String] = [
        HTTPHeader("Content-Security-Policy"): """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
        frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """,
        HTTPHeader("X-Content-Type-Options"): "nosniff",
        HTTPHeader("Referrer-Policy"): "no-referrer",
        HTTPHeader("Cross-Origin-Opener-Policy"): "same-origin",
        HTTPHeader("Cross-Origin-Resource-Policy"): "same-origin",
        .cacheControl: "no-store",
    ]
}

extension SocketError {
    fileprivate var reason: String {
        if case .failed(_, let number, _) = self { return String(cString: strerror(number)) }
        return "\(self)"
    }
}

/// Where to serve the page: a loopback address, since whoever has the token may see and change everything that an addon may.
package struct ListenAddress: Sendable, CustomStringConvertible {
    let host: String
    let port: UInt16

    /// Parses `PORT`, `127.0.0.1:PORT`, `localhost:PORT` or `[::1]:PORT`; nil for anything else.
    package init?(_ text: String) {
        let colon = text.lastIndex(of: ":")
        let name = colon.map { String(text[..<$0]) } ?? "127.0.0.1"
        let number = colon.map { text[text.index(after: $0)...] } ?? text[...]
        guard let port = UInt16(number), ["127.0.0.1", "localhost", "[::1]"].contains(name) else { return nil }
        host = name == "localhost" ? "127.0.0.1" : name
        self.port = port
    }

    private init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`
    package var description: String { "\(host):\(port)" }

    /// The address with a port that is free now, if any port would do.
    func chosen() throws -> ListenAddress {
        guard port == 0 else { return self }
        let socket = try Socket(domain: Int32(host == "[::1]" ? AF_INET6 : AF_INET))
        defer { try? socket.close() }
        if host == "[::1]" {
            try socket.bind(to: sockaddr_in6.loopback(port: 0))
        } else {
            try socket.bind(to: sockaddr_in.inet(ip4: host, port: 0))
        }
        switch try socket.sockname() {
        case .ip4(_, let port), .ip6(_, let port): return ListenAddress(host: host, port: port)
        case .unix: return self
        }
    }

    fileprivate var socketAddress: any SocketAddress {
        get throws {
            host == "[::1]" ? sockaddr_in6.loopback(port: port) : try sockaddr_in.inet(ip4: host, port: port)
        }
    }
}
