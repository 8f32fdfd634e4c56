import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ByteSizeTests {
    @Test(arguments: [
        ("0", 0), ("1000", 1_000), ("64k", 65_536), ("64K", 65_536), ("1m", 1_048_576), ("2G", 2_147_483_648),
        ("1t", 1_099_511_627_776),
    ])
    func `reads bytes and powers of 1024`(text: String, bytes: Int) {
        #expect(ByteSize.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "k", "-1", "+1", "1.5m", "1 m", "1mb", "m1", "٣k", "9223372036854775808", "9007199254740992k",
    ])
    func `refuses what is no size`(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test(arguments: [(0, "0"), (1_000, "1000"), (65_536, "64k"), (1_048_576, "1m"), (1_536, "1536")])
    func `writes the shortest exact form`(bytes: Int, text: String) {
        #expect(ByteSize.format(bytes) == text)
    }
}
