import AddonProtocol
import FuzzTargets
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Compared with the codec of swift-nio-http2, which others wrote.
struct FieldBlockTests {
    private func heads(_ seed: UInt64) -> [HeaderFields] {
        var random = SeededGenerator(seed)
        let names = [
            ":path", ":status", "accept", "x-a", "cookie", "authorization", "set-cookie", "x-long-name", "date",
        ]
        return (0..<40).map { _ in
            var fields = HeaderFields()
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let count = Int.random(in: 0...3, using: &random) == 0 ? 900 : Int.random(in: 0...12, using: &random)
                let value = String(
                    String.UnicodeScalarView(
                        (0..<count).map { _ in Unicode.Scalar(UInt8.random(in: 0x20...0x22, using: &random)) }
                    )
                )
                fields.append(names.randomElement(using: &random) ?? "", value)
            }
            return fields
        }
    }

    @Test(arguments: 1...20)
    func othersReadWhatIsWritten(seed: UInt64) throws {
        var encoder = FieldBlockEncoder()
        var decoder = NIOHPACK.HPACKDecoder(allocator: ByteBufferAllocator())
        for (number, fields) in heads(seed).enumerated() {
            if number == 10 { encoder.limitTable(to: 0) }
            if number == 20 { encoder.limitTable(to: 200) }
            var block = ByteBuffer(bytes: encoder.encode(fields))
            let read = try decoder.decodeHeaders(from: &block)
            var seen = HeaderFields()
            for (name, value, _) in read { seen.append(name, value) }
            #expect(seen == fields)
        }
    }

    @Test(arguments: 1...20)
    func whatOthersWriteIsRead(seed: UInt64) throws {
        var encoder = NIOHPACK.HPACKEncoder(
            allocator: ByteBufferAllocator(),
            useHuffmanEncoding: seed.isMultiple(of: 2)
        )
        var decoder = FieldBlockDecoder()
        for (number, fields) in heads(seed).enumerated() {
            if number == 10 { try encoder.setDynamicTableSize(100) }
            var headers = HPACKHeaders()
            for index in 0..<fields.count {
                headers.add(
                    name: String(decoding: fields.name(at: index), as: UTF8.self),
                    value: String(decoding: fields.value(at: index), as: UTF8.self)
                )
            }
            var block = ByteBuffer()
            try encoder.encode(headers: headers, to: &block)
            let read = try block.withUnsafeReadableBytes { try decoder.decode($0, HeadLimits()) }
            #expect(read.fields == fields && read.excess == nil)
        }
    }

    @Test func anyBytesGoThrough() throws {
        var fields = HeaderFields()
        fields.append(name: "x".utf8, value: Array(UInt8.min...UInt8.max))
        fields.append(name: "y".utf8, value: [0xff, 0xfe, 0x80])
        var encoder = FieldBlockEncoder()
        var decoder = FieldBlockDecoder()
        for _ in 0..<3 {
            let block = encoder.encode(fields)
            #expect(try block.withUnsafeBytes { try decoder.decode($0, HeadLimits()) }.fields == fields)
        }
        var coded: [UInt8] = []
        HuffmanCode.encode(UInt8.min...UInt8.max, into: &coded)
        #expect(coded.count == HuffmanCode.encodedCount(UInt8.min...UInt8.max))
        var decoded: [UInt8] = []
        try coded.withUnsafeBytes { try HuffmanCode.decode($0, into: &decoded) }
        #expect(decoded == Array(UInt8.min...UInt8.max))
    }

    @Test(
        arguments: [
            [0x80], [0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xbe], [0x40], [0x40, 0x05, 0x61],
            [0x40, 0x01],
            [0x82, 0x20], [0x3f, 0xff, 0x7f], [0x00, 0x81, 0x00, 0x00], [0x00, 0x82, 0x1f, 0xff, 0x00],
            [0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00],
        ] as [[UInt8]]
    )
    func whatIsNoBlockIsRefused(bytes: [UInt8]) {
        var decoder = FieldBlockDecoder()
        #expect(throws: FieldBlockDecoder.Malformed.self) {
            try bytes.withUnsafeBytes { try decoder.decode($0, HeadLimits()) }
        }
    }

    /// Small blocks that expand to large ones take no memory, and leave the table in sync.
    @Test func aBlockOverTheLimitIsReadToItsEnd() throws {
        var decoder = FieldBlockDecoder()
        let large: [UInt8] = [0x40, 1, 0x61, 0x7f, 0xff, 0x14] + Array(repeating: 0x62, count: 2814)
        let bomb = large + Array(repeating: 0xbe, count: 50_000) + [0x40, 1, 0x63, 1, 0x64]
        let block = try bomb.withUnsafeBytes { try decoder.decode($0, HeadLimits()) }
        #expect(block.excess?.status == 431 && block.fields.wireByteCount <= 70_000)
        let next = try ([0xbe] as [UInt8]).withUnsafeBytes { try decoder.decode($0, HeadLimits()) }
        #expect(next.fields == ["c": "d"])
    }
}
