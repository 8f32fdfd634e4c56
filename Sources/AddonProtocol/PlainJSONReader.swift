import Glibc

/// Reads the JSON that daemons and addons write in practice, about five times as fast as jansson.
///
/// When in doubt (errors, surrogate pairs, long numbers, large objects), `read` returns nil and leaves the text to
/// jansson, which decides what is valid.
struct PlainJSONReader {
    /// Objects with more members are left to jansson, which finds repeated names faster.
    private static let memberLimit = 32
    /// Integers with more digits may not fit an `Int64`.
    private static let digitLimit = 18

    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    private var depth: Int

    static func read(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) -> JSONValue? {
        var reader = PlainJSONReader(bytes: bytes, depth: maximumDepth)
        guard let value = reader.value(), reader.isAtEnd() else { return nil }
        return value
    }

    /// Reads a JSON-RPC message with the usual members, without building a tree of them.
    static func readMessage(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) -> Message.Members? {
        var reader = PlainJSONReader(bytes: bytes, depth: maximumDepth)
        reader.skipSpace()
        guard reader.current == UInt8(ascii: "{"), let members = reader.nested({ $0.message() }), reader.isAtEnd()
        else {
            return nil
        }
        return members
    }

    private init(bytes: UnsafeRawBufferPointer, depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    // MARK: Bytes

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func isAtEnd() -> Bool {
        skipSpace()
        return index == bytes.count
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { index += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - index >= count, let base = bytes.baseAddress,
            memcmp(base + index, word.utf8Start, count) == 0
        else {
            return false
        }
        index += count
        return true
    }

    // MARK: Values

    private mutating func value() -> JSONValue? {
        skipSpace()
        switch current {
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "{"): return nested { $0.object() }
        case UInt8(ascii: "["): return nested { $0.array() }
        case UInt8(ascii: "n"): return takeWord("null") ? JSONValue.null : nil
        case UInt8(ascii: "t"): return takeWord("true") ? JSONValue.bool(true) : nil
        case UInt8(ascii: "f"): return takeWord("false") ? JSONValue.bool(false) : nil
        default: return number()
        }
    }

    private mutating func nested<Value>(_ body: (inout PlainJSONReader) -> Value?) -> Value? {
        guard depth > 0 else { return nil }
        depth -= 1
        index += 1
        defer { depth += 1 }
        return body(&self)
    }

    private mutating func object() -> JSONValue? {
        skipSpace()
        if take("}") { return .object([]) }
        var members: [JSONValue.Member] = []
        members.reserveCapacity(4)
        repeat {
            skipSpace()
            guard let name = plainBytes().flatMap(Self.name) else { return nil }
            skipSpace()
            guard take(":"), let value = value(), members.count < Self.memberLimit,
                !members.contains(where: { $0.isNamed(name) })
            else { return nil }
            members.append(JSONValue.Member(name, value))
            skipSpace()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func message() -> Message.Members? {
        var members = Message.Members()
        repeat {
            skipSpace()
            guard let name = plainBytes() else { return nil }
            skipSpace()
            guard take(":"), let value = value(), members.add(value, named: name) else { return nil }
            skipSpace()
        } while take(",")
        return take("}") ? members : nil
    }

    private mutating func array() -> JSONValue? {
        skipSpace()
        if take("]") { return .array([]) }
        var elements: [JSONValue] = []
        repeat {
            guard let element = value() else { return nil }
            elements.append(element)
            skipSpace()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    // MARK: Strings

    private mutating func string() -> String? {
        let start = index
        if let plain = plainString() { return plain }
        index = start
        return take("\"") ? escapedString() : nil
    }

    /// A string without escapes, such as the names of most members.
    private mutating func plainString() -> String? {
        plainBytes().flatMap(Self.text)
    }

    private mutating func plainBytes() -> UnsafeRawBufferPointer? {
        guard take("\"") else { return nil }
        let start = index
        index = JSONScanner.endOfPlainRun(bytes, from: index)
        guard take("\"") else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(index - 1)])
    }

    /// Returns shared strings for the names in most patches.
    private static func name(_ bytes: UnsafeRawBufferPointer) -> String? {
        switch bytes.count {
        case 4 where bytes.spells("flow"): "flow"
        case 4 where bytes.spells("type"): "type"
        case 7 where bytes.spells("content"): "content"
        case 7 where bytes.spells("headers"): "headers"
        case 7 where bytes.spells("request"): "request"
        case 8 where bytes.spells("response"): "response"
        case 8 where bytes.spells("messages"): "messages"
        default: text(bytes)
        }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String? {
        bytes.withMemoryRebound(to: UInt8.self) { buffer in
            do {
                return String(copying: try UTF8Span(validating: buffer.span))
            } catch {
                return nil
            }
        }
    }

    private mutating func escapedString() -> String? {
        var unescaped: [UInt8] = []
        while true {
            let start = index
            index = JSONScanner.endOfPlainRun(bytes, from: index)
            unescaped.append(contentsOf: bytes[start..<index])
            if take("\"") { return String(validating: unescaped, as: UTF8.self) }
            guard take("\\"), let escape = current else { return nil }
            index += 1
            if escape == UInt8(ascii: "u") {
                guard let unit = hexUnit(), let scalar = Unicode.Scalar(unit) else { return nil }
                unescaped.append(contentsOf: Character(scalar).utf8)
            } else {
                guard let byte = Self.unescape(escape) else { return nil }
                unescaped.append(byte)
            }
        }
    }

    /// Reads the four digits after `\u`. Surrogates are not scalars, so pairs are left to jansson.
    private mutating func hexUnit() -> UInt16? {
        guard bytes.count - index >= 4 else { return nil }
        defer { index += 4 }
        return bytes[index..<(index + 4)].reduce(into: UInt16?(0)) { unit, byte in
            let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            unit = digit.flatMap { digit in unit.map { $0 << 4 | UInt16(digit) } }
        }
    }

    private static func unescape(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        default: nil
        }
    }

    // MARK: Numbers

    private mutating func number() -> JSONValue? {
        let start = index
        let isNegative = take("-")
        let firstDigit = index
        var magnitude = 0
        while let byte = current, byte &- UInt8(ascii: "0") < 10, index - firstDigit <= Self.digitLimit {
            magnitude = magnitude &* 10 &+ Int(byte &- UInt8(ascii: "0"))
            index += 1
        }
        let digits = index - firstDigit
        guard (1...Self.digitLimit).contains(digits), digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else {
            return nil
        }
        if current == UInt8(ascii: ".") { return fraction(from: start, magnitude, isNegative: isNegative) }
        guard current != UInt8(ascii: "e"), current != UInt8(ascii: "E"), !(isNegative && magnitude == 0) else {
            return nil
        }
        return .integer(isNegative ? -magnitude : magnitude)
    }

    /// Reads a decimal fraction after its whole part. Something must follow the fraction, since `strtod` has no other
    /// bound.
    private mutating func fraction(from start: Int, _ magnitude: Int, isNegative: Bool) -> JSONValue? {
        index += 1
        let firstDigit = index
        var (digits, scale) = (magnitude, 1.0)
        while let byte = current, byte &- UInt8(ascii: "0") < 10 {
            digits = digits &* 10 &+ Int(byte &- UInt8(ascii: "0"))
            scale *= 10
            index += 1
        }
        guard index > firstDigit, let next = current,
            next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || next == UInt8(ascii: "]")
        else { return nil }
        // The quotient of two whole numbers that doubles represent exactly is the nearest double.
        if index - start <= Self.digitLimit, digits < 1 << 53 {
            return .number((isNegative ? -1 : 1) * Double(digits) / scale)
        }
        guard let base = bytes.baseAddress else { return nil }
        return .number(strtod((base + start).assumingMemoryBound(to: CChar.self), nil))
    }
}

extension Message.Members {
    /// - Returns: false for a member that is unknown to JSON-RPC or repeated.
    fileprivate mutating func add(_ value: JSONValue, named name: UnsafeRawBufferPointer) -> Bool {
        if name.spells("jsonrpc") { return Self.fill(&version, value) }
        if name.spells("id") { return Self.fill(&id, value) }
        if name.spells("result") { return Self.fill(&result, value) }
        if name.spells("method") { return Self.fill(&method, value) }
        if name.spells("params") { return Self.fill(&params, value) }
        if name.spells("error") { return Self.fill(&error, value) }
        return false
    }

    private static func fill(_ member: inout JSONValue?, _ value: JSONValue) -> Bool {
        guard member == nil else { return false }
        member = value
        return true
    }
}
