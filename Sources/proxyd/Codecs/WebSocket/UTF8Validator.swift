/// Validates UTF-8 (RFC 3629) incrementally, and fails at the first invalid byte.
package struct UTF8Validator: Sendable {
    /// How many bytes of the current character are missing.
    private var missing = 0
    /// The range of the next one: narrower than 80…BF after E0, ED, F0 and F4.
    private var allowed: ClosedRange<UInt8> = 0x80...0xbf

    /// A validator at the start of a text.
    package init() {}

    /// Whether the last character is complete.
    package var isComplete: Bool { missing == 0 }

    /// - Returns: whether the bytes continue valid text.
    package mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            if missing == 0 { index = Self.endOfASCII(bytes, from: index) }
            guard index < bytes.count else { return true }
            guard missing == 0 ? begin(bytes[index]) : goOn(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index <= bytes.count - 8, bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & highBits == 0 {
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index += 1 }
        return index
    }

    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xc2...0xdf: (missing, allowed) = (1, 0x80...0xbf)
        case 0xe0: (missing, allowed) = (2, 0xa0...0xbf)
        case 0xed: (missing, allowed) = (2, 0x80...0x9f)
        case 0xe1...0xef: (missing, allowed) = (2, 0x80...0xbf)
        case 0xf0: (missing, allowed) = (3, 0x90...0xbf)
        case 0xf1...0xf3: (missing, allowed) = (3, 0x80...0xbf)
        case 0xf4: (missing, allowed) = (3, 0x80...0x8f)
        default: return false
        }
        return true
    }

    private mutating func goOn(_ byte: UInt8) -> Bool {
        guard allowed.contains(byte) else { return false }
        missing -= 1
        allowed = 0x80...0xbf
        return true
    }
}
