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
        minimum: MinimumTLSVersion = .tls1_2,
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
        let program = try Running(
            ["s_client", "-connect", "127.0.0.1:\(server.port)", "-CAfile", directory.file("proxyd-ca-cert.pem")]
                + ["-verify_return_error"] + arguments
        )
        program.send("hello\n")
        var text = try await program.read(until: "Verify return code")
        if text.contains("Verification: OK") { text += try await program.read(until: "hello\n") }
        program.endInput()
        text += await program.readToEnd()
        return OpenSSLProgram.Output(status: program.waitForExit(), text: text)
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
}
