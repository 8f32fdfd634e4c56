import NIOCore
import NIOPosix
import Testing

@testable import ProxyTLS

/// Our client's side against `openssl s_server`.
@Suite struct TLSHandlerClientTests {
    let certificates: TestCertificates

    init() async throws { certificates = try await TestCertificates() }

    private func settings(_ name: String, alpn: [String] = []) -> TLSClientSettings {
        TLSClientSettings(
            serverName: name,
            verification: .full(trustedCAFile: certificates.root),
            alpnProtocols: alpn
        )
    }

    private func failure(
        _ settings: TLSClientSettings,
        _ arguments: [String]
    ) async throws -> TLSError? {
        let (program, port) = try await OpenSSLProgram.server(arguments)
        defer { program.kill() }
        let client = try await LoopbackClient(settings, port: port)
        let error = await #expect(throws: TLSError.self) { try await client.handshake.get() }
        #expect(await client.next() == .inactive)
        return error
    }

    @Test(arguments: [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    func `a server with a trusted chain is accepted`(flag: String, version: String) async throws {
        let leaf = try await certificates.leaf("a.test", names: "DNS:a.test,DNS:*.b.test,IP:127.0.0.1")
        let (program, port) = try await OpenSSLProgram.server(leaf + [flag, "-alpn", "http/1.1"])
        defer { program.kill() }
        for name in ["a.test", "A.TEST."] {
            let client = try await LoopbackClient(settings(name, alpn: ["h2", "http/1.1"]), port: port)
            let session = try await client.handshake.get()
            #expect(session.version == version)
            #expect(session.alpn == "http/1.1")
            #expect(session.serverName == "a.test")
            let peer = try #require(session.peerCertificates.first)
            #expect(peer.commonName == "a.test")
            #expect(peer.dnsNames == ["a.test", "*.b.test"])
            #expect(peer.ipAddresses.map(\.description) == ["127.0.0.1"])
            #expect(peer.pem.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
            try await client.channel.close()
        }
    }

    @Test func `an IP address is verified and not sent as SNI`() async throws {
        let leaf = try await certificates.leaf("a.test", names: "IP:127.0.0.1,IP:::1")
        let (program, port) = try await OpenSSLProgram.server(leaf)
        defer { program.kill() }
        for name in ["127.0.0.1", "[::1]"] {
            let client = try await LoopbackClient(settings(name), port: port)
            #expect(try await client.handshake.get().serverName == nil)
            try await client.channel.close()
        }
        let error = try await failure(settings("127.0.0.2"), leaf)
        #expect(error?.code == .hostnameMismatch)
    }

    @Test func `an expired certificate`() async throws {
        let error = try await failure(
            settings("a.test"),
            certificates.leaf("a.test", names: "DNS:a.test", days: -1)
        )
        #expect(error?.code == .certificateExpired)
        #expect(error?.blame == .peer)
        #expect(
            error?.message.hasPrefix("the server's certificate is not trusted: \"CN=a.test\" (depth 0) expired on ")
                == true
        )
    }

    @Test func `a self-signed certificate`() async throws {
        let error = try await failure(settings("a.test"), certificates.selfSigned("a.test"))
        #expect(error?.code == .selfSigned)
        #expect(error?.message == "the server's certificate is not trusted: \"CN=a.test\" (depth 0) is self-signed")
    }

    @Test func `a certificate for another host`() async throws {
        let error = try await failure(
            settings("b.test"),
            certificates.leaf("a.test", names: "DNS:a.test,DNS:www.a.test,IP:192.0.2.1")
        )
        #expect(error?.code == .hostnameMismatch)
        #expect(
            error?.message == "the server's certificate is not trusted: "
                + "it is for a.test, www.a.test, 192.0.2.1, not for b.test"
        )
    }

    @Test func `a common name alone does not count`() async throws {
        let error = try await failure(settings("a.test"), certificates.leaf("a.test", names: "DNS:other.test"))
        #expect(error?.code == .hostnameMismatch)
    }

    @Test func `an unknown authority`() async throws {
        try await certificates.makeRoot("other", subject: "/CN=Other Root")
        let leaf = try await certificates.leaf("a.test", names: "DNS:a.test", root: "other")
        let error = try await failure(settings("a.test"), leaf)
        #expect(error?.code == .unknownIssuer)
        #expect(
            error?.message == "the server's certificate is not trusted: "
                + "the issuer of \"CN=a.test\" (depth 0), \"CN=Other Root\", is not known"
        )
    }

    @Test func `the system's store does not trust our test authority`() async throws {
        let leaf = try await certificates.leaf("a.test", names: "DNS:a.test")
        let error = try await failure(TLSClientSettings(serverName: "a.test"), leaf)
        #expect(error?.code == .unknownIssuer)
    }

    @Test func `without verification all of them are accepted`() async throws {
        for arguments in [
            try await certificates.leaf("old.test", names: "DNS:old.test", days: -1),
            try await certificates.selfSigned("self.test"),
        ] {
            let (program, port) = try await OpenSSLProgram.server(arguments)
            defer { program.kill() }
            let client = try await LoopbackClient(
                TLSClientSettings(serverName: "a.test", verification: .none),
                port: port
            )
            #expect(try await client.handshake.get().peerCertificates.count == 1)
            try await client.channel.close()
        }
    }

    @Test func `a server below the minimum version`() async throws {
        var settings = settings("a.test")
        settings.minimumVersion = .tls1_3
        let error = try await failure(settings, certificates.leaf("a.test", names: "DNS:a.test") + ["-tls1_2"])
        #expect(error?.code == .protocolVersion)
    }

    @Test func `a server's alert is passed on`() async throws {
        let leaf = try await certificates.leaf("a.test", names: "DNS:a.test")
        let arguments = leaf + ["-servername", "b.test", "-servername_fatal", "-cert2", leaf[1], "-key2", leaf[3]]
        let error = try await failure(settings("a.test"), arguments)
        #expect(error?.code == .peerAlert)
        #expect(error?.message == "the server ended the TLS connection with alert 112 (unrecognized_name)")
    }

    @Test(arguments: ["", "a\0b", "a b"])
    func `a host name that cannot be is an error of the settings`(name: String) {
        let error = #expect(throws: TLSError.self) {
            try TLSHandler.client(settings(name), on: MultiThreadedEventLoopGroup.singleton.any())
        }
        #expect(error?.code == .settings)
    }

    @Test func `trusted certificates that cannot be read are an error that names the file`() throws {
        for (file, reason) in [("/nonexistent.pem", "No such file"), (certificates.directory.file("root.key"), "no ")] {
            let error = #expect(throws: TLSError.self) {
                let settings = TLSClientSettings(serverName: "a", verification: .full(trustedCAFile: file))
                return try TLSHandler.client(settings, on: MultiThreadedEventLoopGroup.singleton.any())
            }
            #expect(error?.code == .settings)
            #expect(error?.message.hasPrefix(file) == true)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        }
    }

    // MARK: The end of a connection

    @Test func `a server that says close_notify ends the connection in order`() async throws {
        let leaf = try await certificates.leaf("a.test", names: "DNS:a.test")
        let (program, port) = try await OpenSSLProgram.server(leaf + ["-www"])
        defer { program.kill() }
        let client = try await LoopbackClient(settings("a.test"), port: port)
        try await client.channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.0\r\n\r\n"))
        var page = ByteBuffer()
        var end = await client.next()
        while case .bytes(let bytes) = end {
            page.writeImmutableBuffer(bytes)
            end = await client.next()
        }
        #expect(String(buffer: page).hasPrefix("HTTP/1.0 200 ok"))
        #expect(String(buffer: page).hasSuffix("</HTML>\r\n\r\n"))
        #expect(end == .inactive)
    }

    @Test func `a server that just goes away leaves the input truncated`() async throws {
        let (program, port) = try await OpenSSLProgram.server(certificates.leaf("a.test", names: "DNS:a.test"))
        let client = try await LoopbackClient(settings("a.test"), port: port)
        _ = try await client.handshake.get()
        program.send("body")
        #expect(await client.read(4) == ByteBuffer(string: "body"))
        program.kill()
        #expect(await client.next() == .truncated)
        #expect(await client.next() == .inactive)
    }

    @Test func `with half-closure the output stays open after close_notify`() async throws {
        let server = try await LoopbackServer { _ throws(TLSError) in
            TLSServerSettings(
                leaf: try LeafRequestTests.authority().leaf(for: LeafRequest(commonName: "x", dnsNames: []))
            )
        }
        let client = try await LoopbackClient(
            TLSClientSettings(serverName: "x", verification: .none),
            port: server.port,
            allowHalfClosure: true
        )
        _ = try await client.handshake.get()
        try await client.channel.writeAndFlush(ByteBuffer(string: "last"))
        #expect(await client.read(4) == ByteBuffer(string: "last"))
        try await client.channel.close(mode: .output)
        #expect(await client.next() == .inputClosed)
        #expect(await client.next() == .inactive)
    }

    @Test(arguments: [true, false])
    func `large data comes back whole through an echo`(autoRead: Bool) async throws {
        let server = try await LoopbackServer { _ throws(TLSError) in
            TLSServerSettings(
                leaf: try LeafRequestTests.authority().leaf(for: LeafRequest(commonName: "x", dnsNames: []))
            )
        }
        let client = try await LoopbackClient(
            TLSClientSettings(serverName: "x", verification: .none),
            port: server.port,
            autoRead: autoRead
        )
        _ = try await client.handshake.get()
        var sent = ByteBuffer()
        for index in 0..<20_000 {
            let piece = ByteBuffer(string: "\(index)," + String(repeating: "x", count: index % 600))
            sent.writeImmutableBuffer(piece)
            client.channel.write(piece, promise: nil)
            if index.isMultiple(of: 7) { client.channel.flush() }
        }
        async let written: Void = client.channel.writeAndFlush(ByteBuffer())
        var received = ByteBuffer()
        while received.readableBytes < sent.readableBytes {
            if !autoRead { client.channel.read() }
            guard case .bytes(let bytes) = await client.next() else { break }
            received.writeImmutableBuffer(bytes)
        }
        try await written
        #expect(received == sent)
        try await client.channel.close()
    }
}
