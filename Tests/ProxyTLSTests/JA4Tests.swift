import Testing

@testable import ProxyTLS

@Suite struct JA4Tests {
    /// Published fingerprints and what they were computed from; the lists are shuffled, and GREASE is mixed in.
    @Test func `published fingerprints`() {
        var chrome = ClientHello()
        chrome.legacyVersion = 0x0303
        chrome.supportedVersions = [0x8A8A, 0x0304, 0x0303]
        chrome.firstALPNProtocol = Array("h2".utf8)
        chrome.cipherSuites = [
            0x3A3A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
            0x009D, 0x002F, 0x0035,
        ]
        chrome.signatureAlgorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
        chrome.extensions = [
            0x1A1A, 0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B,
            0xFF01, 0x000B, 0x000A, 0x0015, 0xEAEA,
        ]
        #expect(chrome.ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1")
        chrome.extensions = [
            0x44CD, 0xFE0D, 0x0000, 0x0033, 0x0010, 0x001B, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B,
            0xFF01, 0x000B, 0x000A,
        ]
        #expect(chrome.ja4 == "t13d1516h2_8daaf6152771_d8a2da3f94cd")
    }

    @Test(
        arguments: [
            ([], "00"), ([0xAB], "ab"), ([0xAB, 0xCD], "ad"), ([0x30, 0xAB], "3b"), ([0x30, 0x31, 0xAB, 0xCD], "3d"),
            ([0x30, 0xAB, 0xCD, 0x31], "01"), (Array("http/1.1".utf8), "h1"), (Array("h".utf8), "hh"),
        ] as [([UInt8], String)]
    )
    func `the first protocol`(name: [UInt8], code: String) {
        var hello = ClientHello()
        hello.firstALPNProtocol = name
        #expect(hello.ja4.prefix(10).suffix(2) == code)
    }

    @Test(
        arguments: [
            (0x0304, "13"), (0x0303, "12"), (0x0302, "11"), (0x0301, "10"), (0x0300, "s3"), (0x0002, "s2"),
            (0x1234, "00"),
        ] as [(UInt16, String)]
    )
    func `the version without the extension`(version: UInt16, code: String) {
        var hello = ClientHello()
        hello.legacyVersion = version
        #expect(hello.ja4 == "t\(code)i000000_000000000000_000000000000")
    }

    @Test func `counts end at 99`() {
        var hello = ClientHello()
        hello.legacyVersion = 0x0303
        hello.cipherSuites = Array(repeating: 0x1301, count: 120)
        hello.extensions = Array(repeating: 5, count: 9)
        #expect(hello.ja4.hasPrefix("t12i990900_"))
    }

    @Test func `without signature algorithms there is no underscore to digest`() {
        var hello = ClientHello()
        hello.extensions = [0x000A, 0x0005]
        #expect(hello.ja4.suffix(12) == Digest.sha256(Array("0005,000a".utf8)).prefix(6).map(Self.hex).joined())
    }

    private static func hex(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
