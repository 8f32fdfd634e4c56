import AddonProtocol
import NIOCore
import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A client's connection, on whose behalf the daemon connects to servers, and an addon that observes it.
private struct Scene {
    let bench: Bench
    let client: Client
    let addon: ScriptedAddon

    static let events: JSONValue = [
        "serverconnect", "serverconnected", "serverconnect_error", "serverdisconnect", "tls_established_server",
        "tls_failed_server",
    ]

    init(_ bench: Bench, mode: ProxyMode = .regular, events: JSONValue = Scene.events) async throws {
        self.bench = bench
        let (ours, _) = try await bench.pair()
        client = Client(services: bench.services, loop: bench.loop, stream: ours, mode: mode)
        addon = try await bench.addon("addon", events)
    }

    func connect(_ scheme: String, host: String = "127.0.0.1", _ port: Int, name: String? = nil) -> Attempt {
        connect(to: Destination(scheme: scheme, host: host, port: port), name: name)
    }

    func connect(to destination: Destination, name: String? = nil) -> Attempt {
        Attempt(
            task: bench.beside { [client] in
                do throws(FlowError) {
                    let connector = UpstreamConnector(client: client)
                    return .success(try await connector.connect(to: destination, serverName: name, alpn: []))
                } catch {
                    return .failure(error)
                }
            }
        )
    }
}

/// A connection that is being opened.
private struct Attempt {
    let task: Task<Result<UpstreamConnection, FlowError>, Never>

    var connection: UpstreamConnection {
        get async throws { try await task.value.get() }
    }

    var error: FlowError? {
        get async {
            if case .failure(let error) = await task.value { error } else { nil }
        }
    }
}

extension ScriptedAddon.Heard {
    fileprivate var server: JSONValue { params["server_conn"] ?? params["conn"] ?? .null }
}

struct UpstreamConnectorTests {
    // MARK: TCP

    @Test func `a connection is told of before it is made, when it is there and when it has ended`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let server = try await bench.server()
            let attempt = scene.connect("http", server.port)
            let asked = try await scene.addon.next("serverconnect")
            #expect(asked.server["address"] == ["127.0.0.1", .integer(server.port)])
            #expect(server.waiting == 0)
            scene.addon.answer(asked)
            let connection = try await attempt.connection
            #expect(try await scene.addon.next("serverconnected").server["peername"] == asked.server["address"])
            _ = try await server.accept()
            connection.end()
            connection.end()
            #expect(try await scene.addon.told() == ["serverdisconnect"])
        }
    }

    @Test func `one that is refused says so, and nothing is told of it as of a connection`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let server = try await bench.server()
            try await server.stop()
            let attempt = scene.connect("http", server.port)
            scene.addon.answer(try await scene.addon.next("serverconnect"))
            let error = try #require(await attempt.error)
            #expect(error.kind == .connectFailed && error.status == 502)
            #expect(error.message == "cannot connect to \(server.address): Connection refused")
            let told = try await scene.addon.next("serverconnect_error")
            #expect(told.server["error"] == .string(error.message))
        }
    }

    @Test func `an addon sends it elsewhere, and no other request uses it`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: ["serverconnect"])
            let (first, second) = (try await bench.server(), try await bench.server())
            let attempt = scene.connect("http", first.port)
            let asked = try await scene.addon.next("serverconnect")
            let elsewhere: JSONValue = ["address": ["127.0.0.1", .integer(second.port)]]
            scene.addon.answer(asked, ["server_conn": elsewhere])
            let connection = try await attempt.connection
            _ = try await second.accept()
            #expect(first.waiting == 0 && connection.isRedirected)
            scene.client.upstreams.put(connection)
            #expect(scene.client.upstreams.take(connection.destination, forUpgrade: false) == nil)
            #expect(!connection.stream.isOpen || connection.info.timestampEnd != nil)
        }
    }

    @Test func `an addon refuses it`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: ["serverconnect", "serverconnect_error"])
            let server = try await bench.server()
            let attempt = scene.connect("http", server.port)
            scene.addon.answer(try await scene.addon.next("serverconnect"), ["server_conn": ["error": "not today"]])
            #expect(await attempt.error?.message == "refused by an addon: not today")
            #expect(try await scene.addon.told() == ["serverconnect_error"])
            #expect(server.waiting == 0)
        }
    }

    @Test func `it does not lead back to where the client came in`() async throws {
        try await Bench.run { bench in
            let front = try await bench.server()
            _ = try await bench.connect(to: front)
            let ours = try await front.accept().stream
            let client = Client(services: bench.services, loop: bench.loop, stream: ours, mode: .regular)
            let destination = Destination(scheme: "http", host: "127.0.0.1", port: front.port)
            let error = await #expect(throws: FlowError.self) {
                try await UpstreamConnector(client: client).connect(to: destination, alpn: [])
            }
            #expect(error?.message == "\(front.address) is this proxy itself")
        }
    }

    @Test func `where no descriptor is left for it it is refused with 503`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: [])
            let server = try await bench.server()
            let connections = bench.services.connections
            let channel = try scene.client.stream.channel
            while connections.hasRoom(for: .server) { connections.count(channel, as: .server) }
            let error = await scene.connect("http", server.port).error
            #expect(error?.status == 503 && error?.message.contains("the limit on open files") == true)
            #expect(server.waiting == 0)
        }
    }

    // MARK: Addresses

    @Test(arguments: ["127.0.0.1", "localhost", "127.1"])
    func `no name leads to an address that is blocked`(host: String) async throws {
        let block = try #require(AddressBlock(parsing: "loopback"))
        try await Bench.run(.with { $0.upstreamBlock = [block] }) { bench in
            let scene = try await Scene(bench, events: ["serverconnect_error"])
            let server = try await bench.server()
            let error = await scene.connect("http", host: host, server.port).error
            #expect(error?.status == 403)
            #expect(error?.message.hasSuffix("127.0.0.1 is blocked by upstream_block (loopback)") == true)
            #expect(try await scene.addon.told() == ["serverconnect_error"])
            #expect(server.waiting == 0)
        }
    }

    @Test func `what a mode names is not blocked`() async throws {
        let block = try #require(AddressBlock(parsing: "loopback"))
        try await Bench.run(.with { $0.upstreamBlock = [block] }) { bench in
            let server = try await bench.server()
            let reverse = try #require(ProxyMode(parsing: "reverse:http://\(server.address)"))
            _ = try await Scene(bench, mode: reverse, events: []).connect("http", server.port).connection
            _ = try await server.accept()
            let upstream = try #require(ProxyMode(parsing: "upstream:http://\(server.address)"))
            _ = try await Scene(bench, mode: upstream, events: []).connect("http", host: "a.test", 80).connection
            _ = try await server.accept()
            let error = try await Scene(bench, mode: upstream, events: []).connect("http", host: "127.0.0.9", 80).error
            #expect(
                error?.message == "cannot connect to 127.0.0.9:80: 127.0.0.9 is blocked by upstream_block (loopback)"
            )
        }
    }

    // MARK: The client leaves

    @Test func `a connection that nobody waits for any more is given up`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: ["serverconnect", "serverconnect_error"])
            let server = try await bench.server()
            let attempt = scene.connect("http", server.port)
            _ = try await scene.addon.next("serverconnect")
            scene.client.interruption.interrupt(FlowError(.clientDisconnected, "client disconnected"))
            #expect(await attempt.error?.kind == .clientDisconnected)
            #expect(try await scene.addon.told() == ["$/cancel", "serverconnect_error"])
            #expect(server.waiting == 0)
        }
    }

    @Test func `so is a handshake that the server does not answer`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: ["tls_failed_server"])
            let server = try await bench.server()
            let attempt = scene.connect("https", server.port)
            let theirs = try await server.accept()
            _ = try await theirs.read(3)
            scene.client.interruption.interrupt(FlowError(.clientDisconnected, "client disconnected"))
            #expect(await attempt.error?.kind == .clientDisconnected)
            await theirs.readToEnd()
            #expect(try await scene.addon.told() == ["tls_failed_server"])
        }
    }

    // MARK: TLS

    private static let trusting = Options.with {
        _ = Bench.authority
        $0.sslVerifyUpstreamTrustedCA = UserPath(Bench.authorityFolder + "/proxyd-ca-cert.pem")
    }

    @Test func `a server is spoken to in TLS if its certificate is for its name`() async throws {
        try await Bench.run(Self.trusting) { bench in
            let scene = try await Scene(bench, events: ["tls_established_server", "tls_failed_server"])
            let server = try await bench.server(tls: LeafRequest(commonName: nil, dnsNames: ["a.test"]))
            let connection = try await scene.connect("https", server.port, name: "a.test").connection
            #expect(connection.info.tls?.isEstablished == true && connection.info.tls?.serverName == "a.test")
            #expect(try await scene.addon.next("tls_established_server").server["sni"] == "a.test")
            connection.stream.write(ByteBuffer(string: "hello"))
            connection.stream.send()
            #expect(String(buffer: try await server.accept().read(5)) == "hello")
            let error = await scene.connect("https", server.port, name: "b.test").error
            #expect(error?.kind == .tlsFailed && error?.message.hasPrefix("TLS with b.test failed: ") == true)
            let failed = try await scene.addon.next("tls_failed_server")
            #expect(failed.server["error"] == .string(error?.message ?? ""))
        }
    }

    @Test func `one that nobody vouches for is not trusted, unless the user says so`() async throws {
        for isInsecure in [false, true] {
            try await Bench.run(.with { $0.sslInsecure = isInsecure }) { bench in
                let scene = try await Scene(bench, events: ["serverdisconnect"])
                let server = try await bench.server(tls: LeafRequest(commonName: nil, dnsNames: ["a.test"]))
                let attempt = scene.connect("https", server.port, name: "a.test")
                if isInsecure {
                    _ = try await attempt.connection
                } else {
                    #expect(await attempt.error?.kind == .tlsFailed)
                    _ = try await scene.addon.next("serverdisconnect")
                }
            }
        }
    }

    @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", ""])
    func `a server that does not speak TLS is a failure that says so`(sent: String) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, events: ["serverdisconnect"])
            let server = try await bench.server()
            let attempt = scene.connect("https", server.port)
            let theirs = try await server.accept()
            theirs.send(sent)
            await theirs.finish()
            let error = await attempt.error
            #expect(error?.kind == .tlsFailed && error?.status == 502)
            _ = try await scene.addon.next("serverdisconnect")
        }
    }

    // MARK: Through a proxy

    private func upstream(_ proxy: ScriptedServer) throws -> ProxyMode {
        try #require(ProxyMode(parsing: "upstream:http://\(proxy.address)"))
    }

    @Test func `plain requests go through a proxy as they are; for TLS it makes way`() async throws {
        let options = Options.with {
            $0.sslInsecure = true
            $0.upstreamAuth = BasicCredentials(username: "me", password: "secret")
        }
        try await Bench.run(options) { bench in
            let proxy = try await bench.server()
            let events: JSONValue = ["http_connect_upstream", "http_connected"]
            let scene = try await Scene(bench, mode: try upstream(proxy), events: events)
            let plain = try await scene.connect("http", host: "a.test", 80).connection
            #expect(plain.takesAbsoluteForm)
            _ = try await proxy.accept()
            let attempt = scene.connect("https", host: "a.test", 443)
            let asked = try await scene.addon.next("http_connect_upstream")
            #expect(asked.flow["request"]?["headers"] == [["Host", "a.test:443"]])
            scene.addon.answer(asked)
            let theirs = try await proxy.accept()
            let head = try await theirs.readHead()
            #expect(head.hasPrefix("CONNECT a.test:443 HTTP/1.1\nHost: a.test:443\n"))
            #expect(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\n"))
            theirs.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
            // The first byte of TLS: a handshake record.
            #expect(try await theirs.read(1) == ByteBuffer(bytes: [22]))
            #expect(try await scene.addon.next("http_connected").flow["response"]?["status_code"] == 200)
            theirs.close()
            #expect(await attempt.error?.kind == .tlsFailed)
        }
    }

    @Test(
        arguments: [
            ("HTTP/1.1 407 Who Are You\r\n\r\n", "refused a tunnel to a.test:443: 407 Who Are You", "connect_failed"),
            ("HTTP/1.1 nonsense\r\n\r\n", "is malformed", "malformed_response"),
            ("HTTP/1.1 200 OK\r\n", "closed the connection before answering CONNECT", "server_disconnected"),
        ]
    )
    func `a proxy that does not make way says why`(answer: String, message: String, kind: String) async throws {
        try await Bench.run { bench in
            let proxy = try await bench.server()
            let events: JSONValue = ["http_connect_error", "serverdisconnect"]
            let scene = try await Scene(bench, mode: try upstream(proxy), events: events)
            let attempt = scene.connect("https", host: "a.test", 443)
            let theirs = try await proxy.accept()
            _ = try await theirs.readHead()
            theirs.send(answer)
            await theirs.finish()
            let error = await attempt.error
            #expect(error?.kind.rawValue == kind && error?.message.contains(message) == true, "\(error?.message ?? "")")
            #expect(try await scene.addon.told() == ["http_connect_error", "serverdisconnect"])
            #expect(bench.loop.flows.isEmpty)
        }
    }
}
