/// Walks over JSON text without creating values.
///
/// It handles the JSON that daemons and addons write in practice. Anything else (errors, escapes in names, surrogate
/// pairs, exponents, long numbers) stops the walk and is left to `JSONReader`. The walker does not detect repeated
/// names.
struct JSONWalker {
    /// Where long values end.
    private(set) var map: JSONMap
    private let drawsMap: Bool

    /// Integers with more digits may not fit an `Int64`.
    private static let digitLimit = 18

    private let bytes: UnsafeRawBufferPointer
    private var depth: Int
    /// The present offset in the text.
    private(set) var index: Int

    /// - Parameter map: what an earlier walk over the same text has found.
    init(
        _ bytes: UnsafeRawBufferPointer,
        from index: Int = 0,
        maximumDepth: Int = 64,
        map: JSONMap = JSONMap(),
        drawsMap: Bool = false
    ) {
        self.bytes = bytes
        self.map = map
        self.drawsMap = drawsMap
        self.index = index
        depth = maximumDepth
    }

    var isAtEnd: Bool { index >= bytes.count }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    @inline(__always)
    mutating func skipSpace() {
        while index < bytes.count, bytes[index] <= 0x20, Self.isSpace(bytes[index]) { index += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    @inline(__always)
    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    /// Skips white space and one value; false when the walker does not handle it.
    mutating func passValue() -> Bool {
        skipSpace()
        switch current {
        case UInt8(ascii: "\""): return passString()
        case UInt8(ascii: "{"):
            return passLong { $0.passNested { walker in walker.passMembers { walker, _ in walker.passValue() } } }
        case UInt8(ascii: "["):
            return passLong { $0.passNested { walker in walker.passElements { walker in walker.passValue() } } }
        case UInt8(ascii: "n"): return passWord("null")
        case UInt8(ascii: "t"): return passWord("true")
        case UInt8(ascii: "f"): return passWord("false")
        default: return passNumber()
        }
    }
}

extension JSONWalker {
    /// Jumps over a value that is on the map; otherwise walks over it and adds it to the map.
    @inline(__always)
    private mutating func passLong(_ body: (inout JSONWalker) -> Bool) -> Bool {
        let start = index
        if let end = map.end(of: start) {
            index = end
            return true
        }
        guard body(&self) else { return false }
        if drawsMap { map.note(start..<index) }
        return true
    }

    /// Walks over the members of an object. `visit` gets each name and must pass its value; false stops the walk.
    mutating func passObject(_ visit: (inout JSONWalker, UnsafeRawBufferPointer) -> Bool) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: "{") else { return false }
        return passNested { $0.passMembers(visit) }
    }

    /// Walks over the elements of an array. `visit` must pass each; false stops the walk.
    mutating func passArray(_ visit: (inout JSONWalker) -> Bool) -> Bool {
        skipSpace()
        guard current == UInt8(ascii: "[") else { return false }
        return passNested { $0.passElements(visit) }
    }

    @inline(__always)
    private mutating func passNested(_ body: (inout JSONWalker) -> Bool) -> Bool {
        guard depth > 0 else { return false }
        depth -= 1
        index += 1
        skipSpace()
        defer { depth += 1 }
        return body(&self)
    }

    @inline(__always)
    private mutating func passMembers(_ visit: (inout JSONWalker, UnsafeRawBufferPointer) -> Bool) -> Bool {
        if take("}") { return true }
        repeat {
            guard let name = passName(), visit(&self, name) else { return false }
            skipSpace()
        } while take(",")
        return take("}")
    }

    @inline(__always)
    private mutating func passElements(_ visit: (inout JSONWalker) -> Bool) -> Bool {
        if take("]") { return true }
        repeat {
            guard visit(&self) else { return false }
            skipSpace()
        } while take(",")
        return take("]")
    }

    /// Reads a name without escapes, and the colon after it.
    @inline(__always)
    private mutating func passName() -> UnsafeRawBufferPointer? {
        skipSpace()
        guard let name = passPlainString() else { return nil }
        skipSpace()
        return take(":") ? name : nil
    }
}

extension JSONWalker {
    /// Reads a string without escapes and returns its content.
    @inline(__always)
    mutating func passPlainString() -> UnsafeRawBufferPointer? {
        guard take("\"") else { return nil }
        let start = index
        index = JSONScanner.endOfPlainRun(bytes, from: start)
        guard take("\"") else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<index - 1])
    }

    /// Reads a pair `["…","…"]` of strings without escapes. If there is none, the walker does not move.
    mutating func passPlainPair() -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer)? {
        let start = index
        guard take("["), let first = spaced({ $0.passPlainString() }), take(","),
            let second = spaced({ $0.passPlainString() }), take("]")
        else {
            index = start
            return nil
        }
        return (first, second)
    }

    /// Skips white space on both sides of what `pass` reads.
    private mutating func spaced<Answer>(_ pass: (inout JSONWalker) -> Answer) -> Answer {
        skipSpace()
        defer { skipSpace() }
        return pass(&self)
    }

    @inline(__always)
    private mutating func passString() -> Bool {
        index = JSONScanner.endOfPlainRun(bytes, from: index + 1)
        while take("\\") {
            guard passEscape() else { return false }
            index = JSONScanner.endOfPlainRun(bytes, from: index)
        }
        return take("\"")
    }

    /// Reads what follows a backslash (RFC 8259, section 7), except surrogates.
    private mutating func passEscape() -> Bool {
        guard let escape = current else { return false }
        index += 1
        switch escape {
        case UInt8(ascii: "u"): return passHexadecimalUnit()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        default: return false
        }
    }

    private mutating func passHexadecimalUnit() -> Bool {
        var unit = 0
        for _ in 0..<4 {
            guard let digit = current.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else { return false }
            unit = unit << 4 | digit
            index += 1
        }
        return !(0xD800...0xDFFF).contains(unit)
    }

    mutating func passNull() -> Bool { passWord("null") }

    private mutating func passWord(_ word: StaticString) -> Bool {
        for offset in 0..<word.utf8CodeUnitCount {
            guard current == word.utf8Start[offset] else { return false }
            index += 1
        }
        return true
    }

    @inline(__always)
    private mutating func passNumber() -> Bool {
        _ = take("-")
        let first = index
        let digits = passDigits()
        guard (1...Self.digitLimit).contains(digits), digits == 1 || bytes[first] != UInt8(ascii: "0") else {
            return false
        }
        if take("."), passDigits() == 0 { return false }
        return current != UInt8(ascii: "e") && current != UInt8(ascii: "E")
    }

    /// Passes a whole number that is not negative.
    mutating func passWholeNumber() -> Int? {
        skipSpace()
        let start = index
        let digits = passDigits()
        guard (1...Self.digitLimit).contains(digits), digits == 1 || bytes[start] != UInt8(ascii: "0") else {
            return nil
        }
        return bytes[start..<index].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    @inline(__always)
    private mutating func passDigits() -> Int {
        let start = index
        while let byte = current, byte &- UInt8(ascii: "0") < 10 { index += 1 }
        return index - start
    }
}
