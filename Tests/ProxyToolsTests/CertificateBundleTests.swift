import Testing

@testable import ProxyTools

@Suite struct CertificateBundleTests {
    private let one = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----"

    @Test func `the certificates of two bundles are one after the other`() {
        let both = CertificateBundle(pem: "# a comment\n" + one) + CertificateBundle(pem: one + "\n")
        #expect(both.pem == "# a comment\n\(one)\n\(one)\n")
        #expect(both.certificates == [[1, 2, 3], [1, 2, 3]])
    }

    @Test func `nothing is before the first`() {
        #expect((CertificateBundle(pem: "") + CertificateBundle(pem: one)).pem == one)
        #expect(CertificateBundle(pem: "no certificate").certificates == [])
    }

    @Test func `a file that is not there is none`() {
        #expect(CertificateBundle.read("/no/such/file") == nil)
    }
}
