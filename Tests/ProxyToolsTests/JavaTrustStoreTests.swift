import Testing

@testable import ProxyTools

@Suite struct JavaTrustStoreTests {
    @Test func `a store has each certificate under a name of its own`() {
        let bytes = JavaTrustStore.bytes([[1, 2], [3]], date: 0x0102)
        // Magic, version 2, two entries.
        #expect(bytes.prefix(12) == [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2])
        let first = [0, 0, 0, 2, 0, 4] + Array("ca-0".utf8) + [0, 0, 0, 0, 0, 0, 1, 2, 0, 5] + Array("X.509".utf8)
        #expect(Array(bytes.dropFirst(12).prefix(first.count + 6)) == first + [0, 0, 0, 2, 1, 2])
        // The SHA-1 of the password and everything before it.
        #expect(bytes.count == 12 + 2 * (first.count + 4) + 3 + 20)
    }
}
