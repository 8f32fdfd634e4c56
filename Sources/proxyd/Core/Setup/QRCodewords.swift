/// The codewords of a QR code in drawing order: the bytes with their length, padding and error correction.
struct QRCodewords {
    let version: Int
    let bytes: [UInt8]

    /// For level M, by version: all codewords, error correction codewords per block, and blocks (ISO/IEC 18004, table
    /// 9).
    private static let layouts: [(total: Int, correction: Int, blocks: Int)] = [
        (26, 10, 1), (44, 16, 1), (70, 26, 1), (100, 18, 2), (134, 24, 2), (172, 16, 4),
        (196, 18, 4), (242, 22, 4), (292, 22, 5), (346, 26, 5),
    ]

    /// Picks the smallest version with room for the content.
    init?(_ content: [UInt8]) {
        for (index, layout) in Self.layouts.enumerated() {
            let capacity = layout.total - layout.correction * layout.blocks
            // The mode takes 4 bits, the length 8 or 16, and the end at most 4.
            let lengthBytes = index < 9 ? 1 : 2
            guard content.count + lengthBytes + 1 <= capacity else { continue }
            version = index + 1
            let data = Self.data(content, lengthBytes: lengthBytes, capacity: capacity)
            bytes = Self.interleaved(data, layout.blocks, layout.correction)
            return
        }
        return nil
    }

    /// Byte mode: 0100, the length, the content and 0000, all shifted by four bits, then padding.
    private static func data(_ content: [UInt8], lengthBytes: Int, capacity: Int) -> [UInt8] {
        let length =
            lengthBytes == 1 ? [UInt8(content.count)] : [UInt8(content.count >> 8), UInt8(content.count & 0xFF)]
        var data: [UInt8] = []
        var carried: UInt8 = 0x40
        for byte in length + content {
            data.append(carried | byte >> 4)
            carried = byte << 4
        }
        data.append(carried)
        let padding: [UInt8] = [0xEC, 0x11]
        return data + (0..<(capacity - data.count)).map { padding[$0 % 2] }
    }

    /// Splits the data into blocks, the last of which may be one longer, and takes one codeword from each in turn.
    private static func interleaved(_ data: [UInt8], _ count: Int, _ correction: Int) -> [UInt8] {
        let short = count - data.count % count
        var blocks: [ArraySlice<UInt8>] = []
        var rest = data[...]
        for index in 0..<count {
            let length = data.count / count + (index < short ? 0 : 1)
            blocks.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        let generator = ReedSolomon(degree: correction)
        let corrections = blocks.map { generator.remainder(of: $0)[...] }
        return inTurn(blocks) + inTurn(corrections)
    }

    private static func inTurn(_ blocks: [ArraySlice<UInt8>]) -> [UInt8] {
        (0..<(blocks.map(\.count).max() ?? 0)).flatMap { place in blocks.compactMap { $0.dropFirst(place).first } }
    }
}

/// Error correction over GF(2⁸) with x⁸ + x⁴ + x³ + x² + 1.
struct ReedSolomon {
    /// The coefficients of the generator polynomial, from the highest power down, without the leading 1.
    private let generator: [UInt8]

    init(degree: Int) {
        var generator = [UInt8](repeating: 0, count: degree)
        generator[degree - 1] = 1
        var root: UInt8 = 1
        for _ in 0..<degree {
            for place in generator.indices {
                generator[place] = Self.product(generator[place], root)
                if place + 1 < degree { generator[place] ^= generator[place + 1] }
            }
            root = Self.product(root, 2)
        }
        self.generator = generator
    }

    /// The error correction codewords for the data.
    func remainder(of data: ArraySlice<UInt8>) -> [UInt8] {
        var remainder = [UInt8](repeating: 0, count: generator.count)
        for byte in data {
            let factor = byte ^ remainder.removeFirst()
            remainder += [0]
            for place in remainder.indices { remainder[place] ^= Self.product(generator[place], factor) }
        }
        return remainder
    }

    /// The product of two elements of the field.
    static func product(_ one: UInt8, _ other: UInt8) -> UInt8 {
        var product: UInt8 = 0
        for bit in (0..<8).reversed() {
            product = product << 1 ^ (product >> 7) * 0x1D
            if other >> bit & 1 == 1 { product ^= one }
        }
        return product
    }
}
