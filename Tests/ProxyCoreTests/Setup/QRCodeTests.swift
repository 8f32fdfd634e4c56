import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// In Tests/stories/test_setup_page.py another program reads the codes.
struct QRCodeTests {
    @Test(
        arguments: [
            (0, 21), (14, 21), (15, 25), (26, 25), (27, 29), (42, 29), (62, 33), (84, 37), (106, 41), (122, 45),
            (152, 49),
            (180, 53), (181, 57), (213, 57),
        ]
    )
    func `the smallest version that has room is taken`(length: Int, size: Int) {
        #expect(QRCode(String(repeating: "a", count: length))?.size == size)
    }

    @Test func `what is too long has no code`() {
        #expect(QRCode(String(repeating: "a", count: 214)) == nil)
    }

    /// Version 1, level M, "01234567" as numbers: the example in ISO/IEC 18004, annex I.
    @Test func `the error correction of a published example`() {
        let data: [UInt8] = [
            0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11,
        ]
        let corrections: [UInt8] = [0xA5, 0x24, 0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55]
        #expect(ReedSolomon(degree: 10).remainder(of: data[...]) == corrections)
    }

    @Test func `bytes have their mode, length and padding`() throws {
        let codewords = try #require(QRCodewords(Array("ab".utf8)))
        #expect(codewords.version == 1)
        #expect(codewords.bytes.count == 26)
        #expect(codewords.bytes.prefix(7) == [0x40, 0x26, 0x16, 0x20, 0xEC, 0x11, 0xEC])
    }

    @Test func `the three finders, the timing and the quiet zone are there`() throws {
        let code = try #require(QRCode("http://192.168.1.5:8080/"))
        for (x, y) in [(0, 0), (code.size - 7, 0), (0, code.size - 7)] {
            let ring = (0..<7).allSatisfy {
                code[x + $0, y] && code[x + $0, y + 6] && code[x, y + $0] && code[x + 6, y + $0]
            }
            #expect(ring && !code[x + 1, y + 1] && code[x + 3, y + 3])
        }
        for place in 8..<(code.size - 8) {
            #expect(code[place, 6] == (place % 2 == 0))
            #expect(code[6, place] == (place % 2 == 0))
        }
        #expect(code.svg(label: "x").contains("viewBox=\"0 0 33 33\""))
    }
}
