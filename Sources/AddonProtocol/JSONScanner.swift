import Glibc

/// Searches in JSON text and in strings to encode, eight bytes at a time.
enum JSONScanner {
    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// The index of the first byte from `start` that a JSON string must escape (below 0x20, quotation mark or
    /// backslash; RFC 8259, section 7), or the end.
    @inline(__always)
    static func endOfPlainRun(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let found = special(word)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
            index += 1
        }
        return index
    }

    /// The lowest bit set marks the first byte that needs escaping. Higher bits may be wrong.
    @inline(__always)
    private static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ (lowBits &* 0x22)
        let backslash = word ^ (lowBits &* 0x5C)
        let control = (word &- (lowBits &* 0x20)) & ~word
        return (control | ((quote &- lowBits) & ~quote) | ((backslash &- lowBits) & ~backslash)) & highBits
    }

    /// Whether all bytes are below 0x80.
    static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while bytes.count - index >= 32 {
            let all =
                bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                | bytes.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self)
                | bytes.loadUnaligned(fromByteOffset: index + 16, as: UInt64.self)
                | bytes.loadUnaligned(fromByteOffset: index + 24, as: UInt64.self)
            if all & highBits != 0 { return false }
            index += 32
        }
        while bytes.count - index >= 8 {
            if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & highBits != 0 { return false }
            index += 8
        }
        while index < bytes.count {
            if bytes[index] >= 0x80 { return false }
            index += 1
        }
        return true
    }

    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if isASCII(bytes) { return true }
        return bytes.withMemoryRebound(to: UInt8.self) { buffer in
            do {
                _ = try UTF8Span(validating: buffer.span)
                return true
            } catch {
                return false
            }
        }
    }

    /// The offset of the first bracket that exceeds `maximumDepth`; nil when none does. Ignores brackets in strings.
    static func tooDeep(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) -> Int? {
        var depth = 0
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): index = endOfString(bytes, from: index + 1)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > maximumDepth { return index }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            index += 1
        }
        return nil
    }

    /// The index of the quotation mark that ends the string whose text begins at `start`, or the end.
    private static func endOfString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = endOfPlainRun(bytes, from: start)
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            let step = bytes[index] == UInt8(ascii: "\\") ? 2 : 1
            index = endOfPlainRun(bytes, from: min(index + step, bytes.count))
        }
        return index
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    func spells(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount, let baseAddress else { return false }
        return memcmp(baseAddress, word.utf8Start, count) == 0
    }

    @inline(__always)
    func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let baseAddress, let otherAddress = other.baseAddress else {
            return count == other.count
        }
        return memcmp(baseAddress, otherAddress, count) == 0
    }
}
