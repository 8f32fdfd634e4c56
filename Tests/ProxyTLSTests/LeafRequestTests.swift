import Testing

@testable import ProxyTLS

@Suite struct LeafRequestTests {
    @Test func `the names of the client come first, then those of the upstream`() throws {
        let authority = try Self.authority()
        let upstream = try authority.leaf(
            for: LeafRequest(
                commonName: "Upstream",
                dnsNames: ["*.example.com", "example.com"],
                ipAddresses: [try #require(IPAddress("192.0.2.1"))]
            )
        )
        let request = LeafRequest(
            serverName: "example.com",
            connectHost: "[2001:db8::1]",
            upstream: PeerCertificate(certificate: upstream.certificate)
        )
        #expect(request.commonName == "Upstream")
        #expect(request.dnsNames == ["example.com", "*.example.com"])
        #expect(request.ipAddresses.map(\.description) == ["2001:db8::1", "192.0.2.1"])
    }

    /// An authority without files.
    static func authority() throws(TLSError) -> CertificateAuthority {
        let (certificate, key) = try CertificateAuthority.create()
        return try CertificateAuthority(certificate: certificate, key: key)
    }

    @Test func `an IP literal is an address, not a name`() {
        let request = LeafRequest(serverName: nil, connectHost: "127.0.0.1", upstream: nil)
        #expect(request.dnsNames.isEmpty)
        #expect(request.ipAddresses == [IPAddress("127.0.0.1")])
        #expect(request.commonName == "127.0.0.1")
    }

    @Test(arguments: [
        "", ".", "a..b", "a\0b", "b\u{fc}cher.de", "a b", "-.\n", String(repeating: "a", count: 64) + ".test",
        String(repeating: "a.", count: 130) + "test",
    ])
    func `a name that no certificate can carry is left out`(name: String) throws {
        let request = LeafRequest(commonName: nil, dnsNames: [name, "ok.test"])
        #expect(request.dnsNames == ["ok.test"])
        let authority = try Self.authority()
        _ = try authority.leaf(for: LeafRequest(serverName: name, connectHost: name, upstream: nil))
    }

    @Test func `a long common name gives way to the next`() {
        let long = String(repeating: "a", count: 60) + ".test"
        #expect(LeafRequest(serverName: long, connectHost: "b.test", upstream: nil).commonName == "b.test")
        #expect(LeafRequest(serverName: long, connectHost: nil, upstream: nil).commonName == nil)
        #expect(LeafRequest(serverName: long, connectHost: nil, upstream: nil).dnsNames == [long])
    }

    @Test func `case, final dots and doubles do not make names`() {
        #expect(LeafRequest(commonName: nil, dnsNames: ["A.test", "a.TEST.", "a.test"]).dnsNames == ["a.test"])
    }

    @Test func `the number of names is limited`() {
        let names = (0..<2_000).map { "\($0).test" }
        #expect(LeafRequest(commonName: nil, dnsNames: names).dnsNames.count == LeafRequest.nameLimit)
    }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("[::1]", "::1"), ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ])
    func `an address is read and written`(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: ["", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":", "[1.2", "::1\0", "example.com", "[]"])
    func `anything else is no address`(text: String) {
        #expect(IPAddress(text) == nil)
    }
}
