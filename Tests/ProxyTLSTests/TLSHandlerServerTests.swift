import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import ProxyTLS

/// Our server's side against `openssl s_client`.
@Suite struct TLSHandlerServerTests {
    let directory: TemporaryDirectory
    let authority: CertificateAuthority

    init() throws {
        directory = try TemporaryDirectory()
        authority = try CertificateAuthority.loadOrCreate(in: directory.path)
    }

    private func server(
        alpn: [String] = [],
        minimum: TLSVersionLimit = .tls1_2,
        host: String? = nil
    ) async throws -> LoopbackServer {
        try await LoopbackServer { [authority] hello throws(TLSError) in
            let request = LeafRequest(serverName: hello.serverName, connectHost: host, upstream: nil)
            return TLSServerSettings(
                leaf: try authority.leaf(for: request),
                alpnProtocols: alpn,
                minimumVersion: minimum
            )
        }
    }

    private func connect(_ server: LoopbackServer, _ arguments: String...) async throws -> OpenSSLProgram.Output {
        let program = try RunningProgram(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", directory.file("proxyd-ca-cert.pem")]
                + ["-verify_return_error"] + arguments
        )
        program.send("hello\n")
        var text = try await program.read(until: "Verify return code")
        if !text.contains("Cipher is (NONE)") { text += try await program.read(until: "hello\n") }
        program.endInput()
        let end = await program.output()
        return OpenSSLProgram.Output(status: end.status, text: text + end.text)
    }

    @Test(arguments: [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    func `a client that trusts the authority completes the handshake`(flag: String, version: String) async throws {
        let server = try await server(alpn: ["http/1.1"])
        let output = try await connect(
            server,
            flag,
            "-servername",
            "example.com",
            "-verify_hostname",
            "example.com",
            "-alpn",
            "h2,http/1.1"
        )
        #expect(output.status == 0)
        #expect(output.text.contains("Verification: OK"))
        #expect(output.text.contains("ALPN protocol: http/1.1"))
        let session = try #require(await server.nextHandshake()).get()
        #expect(session.version == version)
        #expect(session.alpn == "http/1.1")
        #expect(session.serverName == "example.com")
        #expect(session.peerCertificates.isEmpty)
        try await server.stop()
    }

    @Test func `without a protocol in common there is no ALPN, and no failure`() async throws {
        let server = try await server(alpn: ["http/1.1"])
        let output = try await connect(server, "-servername", "a.test", "-alpn", "h2,spdy/3")
        #expect(output.status == 0)
        #expect(output.text.contains("No ALPN negotiated"))
        #expect(try await server.nextHandshake()?.get().alpn == nil)
    }

    @Test func `our order of protocols decides`() async throws {
        let server = try await server(alpn: ["b", "a"])
        #expect(try await connect(server, "-alpn", "a,b").text.contains("ALPN protocol: b"))
    }

    @Test(arguments: ["127.0.0.1", "2001:db8::7"])
    func `a leaf for an IP address verifies`(address: String) async throws {
        let server = try await server(host: address)
        let output = try await connect(server, "-noservername", "-verify_ip", address)
        #expect(output.text.contains("Verification: OK"))
    }

    @Test func `a client below the minimum version is refused`() async throws {
        let server = try await server(minimum: .tls1_3)
        let output = try await connect(server, "-tls1_2")
        #expect(output.text.contains("alert protocol version"))
        let error = await #expect(throws: TLSError.self) { try await server.nextHandshake()?.get() }
        #expect(error?.code == .protocolVersion)
        #expect(error?.blame == .peer)
    }

    @Test func `an old client is served when the minimum allows it`() async throws {
        let server = try await server(minimum: .tls1)
        let output = try await connect(server, "-tls1", "-cipher", "DEFAULT@SECLEVEL=0")
        #expect(output.text.contains("Verification: OK"))
        #expect(try await server.nextHandshake()?.get().version == "TLSv1")
    }

    @Test func `a client that does not trust the authority is reported`() async throws {
        let server = try await server()
        let other = try TemporaryDirectory()
        _ = try CertificateAuthority.loadOrCreate(in: other.path)
        let program = try RunningProgram(
            "openssl",
            ["s_client", "-connect", "127.0.0.1:\(server.port)", "-verify_return_error"]
                + ["-CAfile", other.file("proxyd-ca-cert.pem")]
        )
        let error = await #expect(throws: TLSError.self) { try await server.nextHandshake()?.get() }
        #expect(error?.code == .peerAlert)
        #expect(
            error?.message == "the client does not accept the proxy's certificate: alert 48 (unknown_ca) "
                + "(it may not trust the proxy's certificate authority)"
        )
        program.kill()
    }

    @Test func `a refused client gets the alert`() async throws {
        let server = try await LoopbackServer { _ throws(TLSError) in
            throw TLSError(.refused, blame: .us, "no")
        }
        #expect(try await connect(server).text.contains("alert access denied"))
        let error = await #expect(throws: TLSError.self) { try await server.nextHandshake()?.get() }
        #expect(error?.code == .refused)
    }

    @Test func `a client cannot renegotiate`() async throws {
        let server = try await server()
        let program = try RunningProgram("openssl", ["s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_2"])
        _ = try await program.read(until: "Verify return code")
        _ = try await server.nextHandshake()?.get()
        program.send("R\n")
        #expect(await program.output().text.contains("no renegotiation"))
    }

    @Test func `a session is taken up again under the same leaf only`() async throws {
        let server = try await server()
        let session = directory.file("session")
        _ = try await connect(server, "-servername", "a.test", "-sess_out", session)
        #expect(
            try await connect(server, "-servername", "a.test", "-sess_in", session).text.contains("Reused, TLSv1.3")
        )
        #expect(try await connect(server, "-servername", "b.test", "-sess_in", session).text.contains("New, TLSv1.3"))
    }

    @Test func `the ClientHello tells what the client sent`() async throws {
        let server = try await server()
        _ = try await connect(
            server,
            "-servername",
            "Example.com",
            "-alpn",
            "h2,http/1.1",
            "-ciphersuites",
            "TLS_AES_128_GCM_SHA256",
            "-groups",
            "X25519:P-256",
            "-tls1_3"
        )
        let hello = try #require(await server.nextHello())
        #expect(hello.serverName == "example.com")
        #expect(hello.alpnProtocols == ["h2", "http/1.1"])
        #expect(hello.legacyVersion == 0x0303)
        #expect(hello.cipherSuites == [0x1301, 0x00FF])
        #expect(hello.supportedVersions == [0x0304])
        #expect(hello.supportedGroups == [29, 23])
        #expect(hello.signatureAlgorithms.first == 0x0403)
        #expect(hello.extensions == [0, 11, 10, 35, 16, 22, 23, 13, 43, 45, 51])
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `the key log has the lines that Wireshark wants`(version: String) async throws {
        let log = try KeyLog(path: directory.file("keys"))
        let server = try await LoopbackServer { [authority] hello throws(TLSError) in
            TLSServerSettings(
                leaf: try authority.leaf(for: LeafRequest(commonName: nil, dnsNames: ["a.test"])),
                keyLog: log
            )
        }
        _ = try await connect(server, version)
        let lines = try String(decoding: directory.contents("keys"), as: UTF8.self).split(separator: "\n")
        let labels = Set(lines.map { $0.prefix { $0 != " " } })
        #expect(labels.contains(version == "-tls1_2" ? "CLIENT_RANDOM" : "CLIENT_TRAFFIC_SECRET_0"))
        #expect(lines.allSatisfy { $0.split(separator: " ").count == 3 })
        #expect(try directory.mode("keys") == 0o600)
    }

    @Test func `plain HTTP instead of TLS is an error`() async throws {
        let server = try await server()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: server.port).get()
        try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        let error = await #expect(throws: TLSError.self) { try await server.nextHandshake()?.get() }
        #expect(error?.code == .notTLS)
        #expect(error?.message == "the client does not speak TLS here (http request)")
        try await channel.closeFuture.get()
    }

    @Test func `a client that leaves in the handshake is reported`() async throws {
        let server = try await server()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: server.port).get()
        try await channel.close()
        let error = await #expect(throws: TLSError.self) { try await server.nextHandshake()?.get() }
        #expect(error?.code == .peerClosed)
        #expect(error?.message == "the client closed the connection before it said anything in the TLS handshake")
    }
}
