import Foundation
import Testing

@testable import ProxyTLS

/// A user's own certificates, in files made with the openssl program.
@Suite struct OwnCertificatesTests {
    /// The path of a PEM file with key and certificate for `names`.
    private func made(_ certificates: TestCertificates, _ name: String, _ names: String) async throws -> String {
        _ = try await certificates.leaf(name, names: names)
        let directory = certificates.directory
        let parts = try ["\(name).key", "\(name).pem"].map {
            String(decoding: try directory.contents($0), as: UTF8.self)
        }
        try directory.write(parts.joined(), to: "\(name)-both.pem")
        return directory.file("\(name)-both.pem")
    }

    private func name(_ own: OwnCertificates, for host: String) -> String? {
        own.leaf(for: host)?.certificate.commonName
    }

    @Test func theMostSpecificDomainCounts() async throws {
        let certificates = try await TestCertificates()
        var own = OwnCertificates()
        try own.add(try await made(certificates, "exact", "DNS:san.test,IP:192.0.2.1"), for: "a.shop.test")
        try own.add(try await made(certificates, "wild", "DNS:w.test"), for: "*.shop.test")
        #expect(name(own, for: "a.shop.test") == "exact")
        #expect(name(own, for: "A.Shop.Test") == "exact")
        #expect(name(own, for: "b.shop.test") == "wild")
        #expect(name(own, for: "c.b.shop.test") == nil, "a star is one label")
        #expect(name(own, for: "b.shop.test.") == "wild")
        #expect(name(own, for: "shop.test") == nil)
        #expect(name(own, for: "san.test") == "exact", "the names in the certificate count too")
        #expect(name(own, for: "192.0.2.1") == "exact")
        #expect(name(own, for: "elsewhere.test") == nil)
        #expect(name(own, for: "") == nil)
        try own.add(try await made(certificates, "all", "DNS:x.test"), for: "*")
        #expect(name(own, for: "elsewhere.test") == "all")
        #expect(name(own, for: "a.shop.test") == "exact")
    }

    @Test func addressesAreKnownInEveryForm() async throws {
        let certificates = try await TestCertificates()
        var own = OwnCertificates()
        try own.add(try await made(certificates, "six", "DNS:six.test"), for: "[2001:DB8::1]")
        try own.add(try await made(certificates, "net", "DNS:net.test"), for: "*.0.2.1")
        #expect(name(own, for: "2001:db8:0::1") == "six")
        #expect(name(own, for: "192.0.2.1") == nil, "an address has no labels")
    }

    @Test func filesThatCannotBeUsed() async throws {
        let certificates = try await TestCertificates()
        let good = try await made(certificates, "one", "DNS:one.test")
        _ = try await made(certificates, "two", "DNS:two.test")
        let directory = certificates.directory
        let mixed = try ["one.key", "two.pem"].map { String(decoding: try directory.contents($0), as: UTF8.self) }
        try directory.write(mixed.joined(), to: "mixed.pem")
        let reasons = [
            "one.pem": "it holds no private key", "one.key": "it holds no certificate",
            "mixed.pem": "its key does not belong to its first certificate", "none.pem": "No such file",
        ]
        for (file, reason) in reasons {
            let error = #expect(throws: TLSError.self) { try PEMFile.leaf(directory.file(file)) }
            #expect(error?.message.contains(file) == true && error?.message.contains(reason) == true)
        }
        #expect(try PEMFile.leaf(good).certificate.commonName == "one")
    }

    @Test func aFolderHasOneForEachHost() async throws {
        let certificates = try await TestCertificates()
        _ = try await made(certificates, "a.test", "DNS:a.test")
        let directory = certificates.directory
        try FileManager.default.moveItem(
            atPath: directory.file("a.test-both.pem"),
            toPath: directory.file("a.test.pem.tmp")
        )
        try? FileManager.default.removeItem(atPath: directory.file("a.test.pem"))
        try FileManager.default.moveItem(atPath: directory.file("a.test.pem.tmp"), toPath: directory.file("a.test.pem"))
        let own = try ClientCertificates(path: directory.path)
        #expect(try own.certificate(for: "A.test")?.certificate.commonName == "a.test")
        #expect(try own.certificate(for: "b.test") == nil)
        #expect(try own.certificate(for: "../\(directory.path.split(separator: "/").last ?? "")/a.test") == nil)
    }

    @Test(arguments: ["NO-SUCH", "", ":"])
    func cipherListsThatHoldNone(text: String) {
        #expect(throws: TLSError.self) { try CipherList.check(text) }
    }

    @Test func aCipherList() throws {
        try CipherList.check("ECDHE-ECDSA-AES128-GCM-SHA256:HIGH:!aNULL")
    }
}
