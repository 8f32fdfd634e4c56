/// The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B).
///
/// The code is canonical: codes of one length are in the order of their symbols, and shorter codes come before longer
/// ones. So the lengths alone define it.
enum HuffmanCode {
    struct Invalid: Error {}

    private static let symbols = 257
    private static let longest = 30
    /// Codes of up to this many bits are looked up in a table.
    private static let short = 8

    /// How many bytes `bytes` take when encoded.
    static func encodedCount(_ bytes: some Sequence<UInt8>) -> Int {
        (bytes.reduce(0) { $0 + Int(lengths[Int($1)]) } + 7) / 8
    }

    static func encode(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) {
        let codes = tables.codes
        var bits: UInt64 = 0
        var count = 0
        for byte in bytes {
            let length = Int(lengths[Int(byte)])
            bits = bits << UInt64(length) | UInt64(codes[Int(byte)])
            count += length
            while count >= 8 {
                count -= 8
                output.append(UInt8(truncatingIfNeeded: bits >> UInt64(count)))
            }
        }
        guard count > 0 else { return }
        // The rest of the last byte is filled with ones, the start of the end symbol.
        output.append(UInt8(truncatingIfNeeded: bits << UInt64(8 - count)) | UInt8(0xff) >> UInt8(count))
    }

    static func decode(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(Invalid) {
        let tables = tables
        var bits: UInt64 = 0
        var count = 0
        for byte in input {
            bits = bits << 8 | UInt64(byte)
            count += 8
            while count >= short, let (symbol, length) = try tables.first(of: bits, count) {
                output.append(symbol)
                count -= length
            }
        }
        while count >= 5, let (symbol, length) = try tables.first(of: bits, count) {
            output.append(symbol)
            count -= length
        }
        // Padding is shorter than a byte, and consists of ones.
        let rest: UInt64 = 1 << UInt64(count) - 1
        guard count < 8, bits & rest == rest else { throw Invalid() }
    }

    private static let tables = Tables()

    private struct Tables: Sendable {
        /// By symbol.
        var codes: [UInt32] = Array(repeating: 0, count: symbols)
        /// By the next 8 bits: the symbol, and above it the length of its code; 0 when the code is longer than that.
        var starts: [UInt16] = Array(repeating: 0, count: 1 << short)
        /// By length: the first code, the number of codes, and where their symbols begin in `ordered`.
        var lengths: [(first: UInt32, count: UInt32, offset: Int)] = []
        /// Symbols in the order of their codes.
        var ordered: [UInt16] = []

        init() {
            var code: UInt32 = 0
            for length in 0...longest {
                code <<= 1
                let members = (0..<symbols).filter { HuffmanCode.lengths[$0] == length }
                lengths.append((code, UInt32(members.count), ordered.count))
                for symbol in members {
                    codes[symbol] = code
                    if length > 0, length <= short {
                        let start = Int(code) << (short - length)
                        for index in start..<(start + 1 << (short - length)) {
                            starts[index] = UInt16(length) << 8 | UInt16(symbol)
                        }
                    }
                    ordered.append(UInt16(symbol))
                    code += 1
                }
            }
        }

        /// The first symbol in the last `count` bits of `bits`, and its length; nil when there are too few bits.
        @inline(__always)
        func first(of bits: UInt64, _ count: Int) throws(Invalid) -> (UInt8, Int)? {
            let next = count >= short ? bits >> UInt64(count - short) : bits << UInt64(short - count)
            let start = starts[Int(next & 0xff)]
            if start != 0 {
                let length = Int(start >> 8)
                return length <= count ? (UInt8(truncatingIfNeeded: start), length) : nil
            }
            return try longFirst(of: bits, count)
        }

        private func longFirst(of bits: UInt64, _ count: Int) throws(Invalid) -> (UInt8, Int)? {
            var length = short + 1
            while length <= min(count, longest) {
                let code = UInt32(truncatingIfNeeded: bits >> UInt64(count - length) & (1 << UInt64(length) - 1))
                let (first, members, offset) = lengths[length]
                if code >= first, code - first < members {
                    let symbol = ordered[offset + Int(code - first)]
                    guard symbol < 256 else { throw Invalid() }
                    return (UInt8(symbol), length)
                }
                length += 1
            }
            guard count < longest else { throw Invalid() }
            return nil
        }
    }

    /// By symbol, in bits; the last one is the end symbol.
    // swift-format-ignore
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
         6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
         5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
        13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
         7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
        15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
         6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
}
