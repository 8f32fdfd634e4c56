import Foundation
import Testing

@testable import ProxyTLS

@Suite struct CertificateAuthorityTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @discardableResult
    private func load() throws -> CertificateAuthority { try CertificateAuthority.loadOrCreate(in: directory.path) }

    private func openssl(_ arguments: String...) async throws -> OpenSSLProgram.Output {
        try await OpenSSLProgram.run(arguments)
    }

    // MARK: Files

    @Test func `the first start makes the directory and the four files`() async throws {
        let path = directory.file("a/b")
        let authority = try CertificateAuthority.loadOrCreate(in: path)
        #expect(try directory.mode("a") == 0o700)
        #expect(try directory.mode("a/b") == 0o700)
        #expect(try directory.mode("a/b/proxyd-ca.pem") == 0o600)
        let files = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(files == ["proxyd-ca-cert.cer", "proxyd-ca-cert.p12", "proxyd-ca-cert.pem", "proxyd-ca.pem"])
        #expect(try String(decoding: directory.contents("a/b/proxyd-ca-cert.pem"), as: UTF8.self) == authority.pem)
        let der = try await openssl("x509", "-inform", "DER", "-in", "\(path)/proxyd-ca-cert.cer")
        #expect(der.text.contains(authority.pem))
        let text = try await openssl("x509", "-in", "\(path)/proxyd-ca.pem", "-noout", "-text").text
        #expect(text.contains("Subject: CN = proxyd, O = proxyd"))
        #expect(text.contains("CA:TRUE"))
        #expect(text.contains("Certificate Sign, CRL Sign"))
        #expect(text.contains("ASN1 OID: prime256v1"))
        let lasts = try await openssl(
            "x509",
            "-in",
            "\(path)/proxyd-ca.pem",
            "-noout",
            "-checkend",
            "\(3_649 * 86_400)"
        )
        #expect(lasts.status == 0)
    }

    @Test func `openssl reads the PKCS 12 file with an empty password`() async throws {
        let authority = try load()
        let output = try await openssl(
            "pkcs12",
            "-in",
            directory.file("proxyd-ca-cert.p12"),
            "-passin",
            "pass:",
            "-nokeys"
        )
        #expect(output.status == 0)
        #expect(output.text.contains(authority.pem))
        #expect(!output.text.contains("PRIVATE KEY"))
    }

    @Test func `what is there is used without a file written, and what is not is not made`() throws {
        #expect(try CertificateAuthority.load(in: directory.file("none/such")) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        let made = try load()
        for format in CertificateFormat.allCases {
            try FileManager.default.removeItem(atPath: directory.file(format.fileName))
        }
        #expect(try CertificateAuthority.load(in: directory.path)?.sha256 == made.sha256)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["proxyd-ca.pem"])
    }

    @Test(arguments: CertificateFormat.allCases)
    func `a certificate is handed out as its file has it, without the key`(format: CertificateFormat) throws {
        let authority = try load()
        let bytes = try authority.certificate(as: format)
        if format != .p12 { #expect(try Data(bytes) == directory.contents(format.fileName)) }
        #expect(!String(decoding: bytes, as: UTF8.self).contains("PRIVATE"))
    }

    @Test func `the second start uses the authority of the first`() throws {
        let first = try load()
        let contents = try directory.contents("proxyd-ca.pem")
        #expect(try load().pem == first.pem)
        #expect(try directory.contents("proxyd-ca.pem") == contents)
    }

    @Test(arguments: ["proxyd-ca-cert.cer", "proxyd-ca-cert.p12", "proxyd-ca-cert.pem"])
    func `a missing public file is written again`(name: String) throws {
        try load()
        try FileManager.default.removeItem(atPath: directory.file(name))
        try load()
        #expect(try !directory.contents(name).isEmpty)
    }

    @Test func `the public files of another authority are replaced`() throws {
        try load()
        let other = try TemporaryDirectory()
        let authority = try CertificateAuthority.loadOrCreate(in: other.path)
        try other.contents("proxyd-ca.pem").write(to: URL(fileURLWithPath: directory.file("proxyd-ca.pem")))
        #expect(try load().pem == authority.pem)
        #expect(try directory.contents("proxyd-ca-cert.cer") == other.contents("proxyd-ca-cert.cer"))
    }

    @Test func `two first starts at once agree on one authority`() async throws {
        let pems = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask { [directory] in try CertificateAuthority.loadOrCreate(in: directory.path).pem }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(pems.count == 1)
    }

    @Test func `an RSA authority made elsewhere is used`() async throws {
        _ = try await openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=Ours",
            "-days",
            "9",
            "-addext",
            "keyUsage=critical,keyCertSign",
            "-keyout",
            directory.file("key"),
            "-out",
            directory.file("cert")
        )
        let pem = try directory.contents("key") + directory.contents("cert")
        try directory.write(String(decoding: pem, as: UTF8.self), to: "proxyd-ca.pem")
        try await expectVerifies(load().leaf(for: LeafRequest(commonName: nil, dnsNames: ["a.test"])))
    }

    // MARK: Broken files

    struct Breakage: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reason: String
        let contents: @Sendable (_ key: String, _ certificate: String) throws -> String
    }

    static let breakages = [
        Breakage(testDescription: "empty", reason: "no private key") { _, _ in "" },
        Breakage(testDescription: "no key", reason: "no private key") { $1 },
        Breakage(testDescription: "no certificate", reason: "no certificate") { key, _ in key },
        Breakage(testDescription: "mangled key", reason: "private key cannot be read") { key, certificate in
            key.replacingOccurrences(of: "M", with: "?") + certificate
        },
        Breakage(testDescription: "mangled certificate", reason: "certificate in it cannot be read") {
            key,
            certificate in
            key + certificate.replacingOccurrences(of: "A", with: "?")
        },
        Breakage(testDescription: "cut short", reason: "certificate") { String(($0 + $1).dropLast(60)) },
        Breakage(testDescription: "another's key", reason: "does not belong") { _, certificate in
            let other = try TemporaryDirectory()
            _ = try CertificateAuthority.loadOrCreate(in: other.path)
            let pem = try String(decoding: other.contents("proxyd-ca.pem"), as: UTF8.self)
            return try pem[..<#require(pem.range(of: "-----BEGIN CERTIFICATE")).lowerBound] + certificate
        },
    ]

    @Test(arguments: breakages)
    func `a broken authority is an error and stays as it is`(_ breakage: Breakage) async throws {
        try load()
        let pem = try String(decoding: directory.contents("proxyd-ca.pem"), as: UTF8.self)
        let start = try #require(pem.range(of: "-----BEGIN CERTIFICATE")).lowerBound
        let broken = try breakage.contents(String(pem[..<start]), String(pem[start...]))
        try await expectRefused(broken, reason: breakage.reason)
    }

    @Test func `an encrypted key is an error and asks nobody`() async throws {
        try load()
        let key = try await openssl("ec", "-in", directory.file("proxyd-ca.pem"), "-aes128", "-passout", "pass:secret")
            .text
        try await expectRefused(key, reason: "encrypted")
    }

    @Test func `a certificate that is no authority's is an error`() async throws {
        let certificates = try await TestCertificates()
        _ = try await certificates.leaf("leaf.test", names: "DNS:leaf.test")
        let pem =
            try certificates.directory.contents("leaf.test.key") + certificates.directory.contents("leaf.test.pem")
        try await expectRefused(String(decoding: pem, as: UTF8.self), reason: "not a certificate authority")
    }

    @Test func `an expired authority is an error`() async throws {
        let certificates = try await TestCertificates()
        let (root, key) = (certificates.root, certificates.directory.file("root.key"))
        let expired = try await openssl("x509", "-in", root, "-signkey", key, "-days", "-1")
        let pem = try String(decoding: certificates.directory.contents("root.key"), as: UTF8.self) + expired.text
        try await expectRefused(pem, reason: "expired on")
    }

    private func expectRefused(_ contents: String, reason: String) async throws {
        try directory.write(contents, to: "proxyd-ca.pem")
        let error = #expect(throws: TLSError.self) { try load() }
        #expect(error?.code == .authorityFiles)
        #expect(error?.message.contains(directory.file("proxyd-ca.pem")) == true)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect(try directory.contents("proxyd-ca.pem") == Data(contents.utf8))
    }

    @Test func `a directory that cannot be made is an error that names it`() throws {
        try directory.write("", to: "file")
        let error = #expect(throws: TLSError.self) {
            try CertificateAuthority.loadOrCreate(in: directory.file("file/x"))
        }
        #expect(error?.message == "\(directory.file("file/x")): cannot make the directory: Not a directory")
        let other = #expect(throws: TLSError.self) { try CertificateAuthority.loadOrCreate(in: directory.file("file")) }
        #expect(other?.message == "\(directory.file("file")): is not a directory")
    }

    // MARK: Leaves

    @Test func `a leaf has the names, the days and the extensions that clients want`() async throws {
        let request = LeafRequest(
            commonName: "a.test",
            dnsNames: ["a.test", "*.b.test"],
            ipAddresses: ["192.0.2.7", "2001:db8::1"].compactMap(IPAddress.init)
        )
        let leaf = try load().leaf(for: request)
        try directory.write(leaf.pem, to: "leaf.pem")
        let text = try await openssl("x509", "-in", directory.file("leaf.pem"), "-noout", "-text").text
        #expect(text.contains("Subject: CN = a.test\n"))
        #expect(text.contains("DNS:a.test, DNS:*.b.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1"))
        #expect(text.contains("TLS Web Server Authentication"))
        #expect(text.contains("X509v3 Subject Key Identifier") && text.contains("X509v3 Authority Key Identifier"))
        #expect(!text.contains("X509v3 Subject Alternative Name: critical"))
        try await expectVerifies(leaf)
        for (days, status) in [(196, 0), (198, 1)] {
            let check = try await openssl(
                "x509",
                "-in",
                directory.file("leaf.pem"),
                "-noout",
                "-checkend",
                "\(days * 86_400)"
            )
            #expect(check.status == Int32(status))
        }
    }

    @Test func `without a common name the alternative names are critical`() async throws {
        let leaf = try load().leaf(for: LeafRequest(commonName: nil, dnsNames: ["a.test"]))
        try directory.write(leaf.pem, to: "leaf.pem")
        let text = try await openssl("x509", "-in", directory.file("leaf.pem"), "-noout", "-text").text
        #expect(text.contains("X509v3 Subject Alternative Name: critical"))
        try await expectVerifies(leaf)
    }

    private func expectVerifies(_ leaf: LeafCertificate) async throws {
        try directory.write(leaf.pem, to: "leaf.pem")
        let output = try await openssl(
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-CAfile",
            directory.file("proxyd-ca-cert.pem"),
            directory.file("leaf.pem")
        )
        #expect(output.status == 0, "\(output.text)")
    }

    @Test func `serial numbers differ and a leaf is kept`() async throws {
        let authority = try load()
        let request = LeafRequest(commonName: "a.test", dnsNames: ["a.test"])
        #expect(try authority.leaf(for: request) === authority.leaf(for: request))
        let other = try authority.leaf(for: LeafRequest(commonName: "b.test", dnsNames: ["b.test"]))
        #expect(try authority.leaf(for: request).fingerprint != other.fingerprint)
    }

    @Test func `no more leaves than the limit are kept`() async throws {
        let authority = try load()
        await withTaskGroup { group in
            for worker in 0..<4 {
                group.addTask {
                    for number in 0..<400 {
                        _ = try? authority.leaf(
                            for: LeafRequest(commonName: nil, dnsNames: ["\(number).\(worker).test"])
                        )
                    }
                }
            }
        }
        #expect(authority.leafCount == CertificateAuthority.leafLimit)
    }
}
