import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// `text` as encoded by Python's gzip, zlib, brotli and zstandard.
private let text = String(repeating: #"{"name":"value"}"#, count: 4)
private let samples: [(name: String, coding: ContentCoding, hex: String)] = [
    ("gzip", .gzip, "1f8b0800000000000203ab56ca4bcc4d55b2522a4bcc294d55aaad26910f009440bbf040000000"),
    (
        "gzip of two members", .gzip,
        "1f8b0800000000000203ab56ca4bcc4d55b2522a4bcc294d55aaad46e3030093b7ef4a20000000"
            + "1f8b0800000000000203ab56ca4bcc4d55b2522a4bcc294d55aaad46e3030093b7ef4a20000000"
    ),
    ("deflate with a zlib header", .deflate, "789cab56ca4bcc4d55b2522a4bcc294d55aaad26910f00c4de15e1"),
    ("raw deflate", .deflate, "ab56ca4bcc4d55b2522a4bcc294d55aaad26910f00"),
    ("br", .br, "1b3f00f88dc43816f14671226a9136b7bdad1356d6a776b1a60648c19b05ab01"),
    ("zstd", .zstd, "28b52ffd2040bd0000807b226e616d65223a2276616c7565227d01009a682e01"),
]

private func bytes(_ hex: String) -> ByteBuffer {
    let digits = hex.utf8.compactMap(hexadecimalDigit)
    return ByteBuffer(bytes: stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

private func codings(_ values: String...) throws -> ContentCodings {
    var fields = HeaderFields()
    for value in values { fields.append("Content-Encoding", value) }
    return try ContentCodings(of: fields)
}

struct ContentCodingTests {
    @Test(arguments: samples.indices)
    func `reads what others wrote`(_ index: Int) throws {
        let sample = samples[index]
        #expect(try sample.coding.decode(bytes(sample.hex), limit: 64) == ByteBuffer(string: text), "\(sample.name)")
    }

    @Test(arguments: samples.indices)
    func `a body cut short, or with something after it, is malformed`(_ index: Int) throws {
        let (_, coding, hex) = samples[index]
        for broken in [String(hex.dropLast(2)), hex + "00"] {
            #expect { try coding.decode(bytes(broken), limit: 64) } throws: {
                if case .malformed(coding, _)? = $0 as? ContentCodingError { true } else { false }
            }
        }
    }

    @Test(arguments: ContentCoding.allCases)
    func `bytes that were never coded are malformed`(_ coding: ContentCoding) {
        #expect(throws: ContentCodingError.self) { try coding.decode(ByteBuffer(string: text), limit: 1 << 20) }
    }

    @Test(arguments: ContentCoding.allCases, [0, 1, 16 * 1024, 16 * 1024 + 1, 3_000_000])
    func `what is coded reads back`(_ coding: ContentCoding, _ count: Int) throws {
        let plain = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) })
        #expect(try coding.decode(coding.encode(plain), limit: count) == plain)
    }

    @Test(arguments: ContentCoding.allCases)
    func `a bomb ends at the limit`(_ coding: ContentCoding) throws {
        let bomb = try coding.encode(ByteBuffer(repeating: 0, count: 8 << 20))
        #expect(bomb.readableBytes < 16 * 1024)
        #expect(throws: ContentCodingError.tooLarge(limit: 1 << 20)) { try coding.decode(bomb, limit: 1 << 20) }
    }

    @Test
    func `several codings are undone from the last to the first`() throws {
        let both = try codings("gzip, identity", "BR")
        #expect(both.codings == [.gzip, .br])
        let coded = try both.encode(ByteBuffer(string: text))
        let gzipped = try ContentCoding.br.decode(coded, limit: 1 << 10)
        #expect(try ContentCoding.gzip.decode(gzipped, limit: 64) == ByteBuffer(string: text))
        #expect(try both.decode(coded, limit: 1 << 10) == ByteBuffer(string: text))
    }

    @Test
    func `unknown codings and too many of them are refused`() {
        #expect(throws: ContentCodingError.unknown("compress")) { try codings("gzip, compress") }
        #expect(throws: ContentCodingError.tooMany(limit: 4)) { try codings("gzip,gzip,gzip,gzip,gzip") }
    }

    @Test
    func `no bytes stay none`() throws {
        #expect(try codings("gzip").decode(ByteBuffer(), limit: 1) == ByteBuffer())
    }
}
