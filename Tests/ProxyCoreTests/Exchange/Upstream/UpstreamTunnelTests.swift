import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A connection to an upstream proxy, which the test is.
private struct Scene {
    let bench: Bench
    let tunnel: UpstreamTunnel
    let connection: UpstreamConnection
    let proxy: Wire

    init(_ bench: Bench) async throws {
        self.bench = bench
        let (client, _) = try await bench.unservedClient()
        client.via = [Array("1.1 before".utf8)]
        (connection, proxy) = try await bench.upstream(to: Destination(scheme: "https", host: "b.test", port: 443))
        tunnel = UpstreamTunnel(
            client: client,
            connection: connection,
            proxy: UpstreamProxy(scheme: .http, host: "p.test", port: 3128),
            interruption: Interruption()
        )
    }

    /// Why it could not be entered; nil: it was.
    func enter() -> Task<FlowError?, Never> {
        bench.beside { [tunnel] in
            do throws(FlowError) {
                try await tunnel.enter(forRequests: false)
                return nil
            } catch {
                return error
            }
        }
    }
}

extension Bench {
    fileprivate func addon() async throws -> ScriptedAddon {
        try await addon("addon", ["http_connect_upstream", "http_connected", "http_connect_error"])
    }
}

struct UpstreamTunnelTests {
    @Test func `the proxy is asked for the server, and what follows its 2xx is the tunnel`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon()
            let scene = try await Scene(bench)
            let result = scene.enter()
            let asked = try await addon.next("http_connect_upstream")
            #expect(asked.flow["request"]?["method"] == "CONNECT" && asked.flow["request"]?["host"] == "b.test")
            addon.answer(asked, ["flow": ["request": ["headers": ["X-Seen": "yes"]]]])
            let head = try await scene.proxy.readHead()
            #expect(head == "CONNECT b.test:443 HTTP/1.1\nHost: b.test:443\nVia: 1.1 before\nX-Seen: yes\n\n")
            scene.proxy.send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\nfirst bytes")
            #expect(await result.value == nil && !scene.connection.takesAbsoluteForm)
            #expect(String(buffer: scene.connection.stream.takeUnread()) == "first bytes")
            #expect(try await addon.told() == ["http_connected"])
            #expect(bench.loop.flows.isEmpty && bench.loop.counters.flows == 1)
        }
    }

    @Test func `plain requests need no tunnel`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            try await scene.tunnel.enter(forRequests: true)
            #expect(scene.connection.takesAbsoluteForm && bench.loop.counters.flows == 0)
        }
    }

    @Test func `the proxy is told who we are, unless an addon has done so`() async throws {
        let credentials = BasicCredentials(username: "ann", password: "x")
        try await Bench.run(.with { $0.upstreamAuth = credentials }) { bench in
            let addon = try await bench.addon("addon", ["http_connect_upstream"])
            for own in [nil, "Basic own"] {
                let scene = try await Scene(bench)
                _ = scene.enter()
                let asked = try await addon.next("http_connect_upstream")
                #expect("\(asked.flow)".contains("roxy-") == false, "addons do not see it")
                let fields: JSONValue = ["Proxy-Authorization": .string(own ?? "")]
                addon.answer(asked, own == nil ? [:] : ["flow": ["request": ["headers": fields]]])
                let head = try await scene.proxy.readHead()
                #expect(head.contains("Proxy-Authorization: \(own ?? credentials.field)\n"))
                scene.proxy.send("HTTP/1.1 200 OK\r\n\r\n")
            }
        }
    }

    @Test(
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "connect_failed", "refused a tunnel to b.test:443: 403 Forbidden"),
            ("nonsense\r\n\r\n", "malformed_response", "is malformed"),
            ("", "server_disconnected", "closed the connection before answering CONNECT"),
        ]
    )
    func `a proxy that does not open the way ends the connection, and it is said why`(
        answer: String,
        kind: String,
        reason: String
    ) async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["http_connect_error"])
            let scene = try await Scene(bench)
            let result = scene.enter()
            _ = try await scene.proxy.readHead()
            scene.proxy.send(answer)
            await scene.proxy.finish()
            let error = try #require(await result.value)
            #expect(error.kind.rawValue == kind && error.message.contains(reason), "\(error.message)")
            #expect(error.message.contains("upstream proxy http://p.test:3128"))
            #expect(try await addon.next("http_connect_error").flow["error"]?["kind"] == .string(kind))
            #expect(scene.connection.info.error == error.message && scene.connection.info.timestampEnd != nil)
        }
    }

    @Test func `when nobody wants the connection any more the wait for the proxy ends`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let result = scene.enter()
            _ = try await scene.proxy.readHead()
            scene.tunnel.interruption.interrupt(FlowError(.clientDisconnected, "gone"))
            #expect(await result.value?.message == "gone")
            #expect(await scene.proxy.readToEnd() == "")
        }
    }

    @Test func `an addon kills the CONNECT before the proxy hears of it`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["http_connect_upstream"])
            addon.script = { _ in ["action": "kill"] }
            let scene = try await Scene(bench)
            #expect(await scene.enter().value?.kind == .killed)
            #expect(await scene.proxy.readToEnd() == "")
        }
    }
}
