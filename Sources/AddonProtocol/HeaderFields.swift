/// An ordered list of header fields as bytes: wire order, wire case, duplicates and non-UTF-8 bytes are kept.
///
/// All names and values lie behind one another in one buffer, so that a message's head costs two allocations
/// however many fields it has. Names compare without regard to ASCII case (RFC 9110, section 5.1).
public struct HeaderFields: Sendable {
    @usableFromInline var bytes: [UInt8] = []
    @usableFromInline var fields: [Field] = []

    @usableFromInline
    struct Field: Sendable {
        @usableFromInline var nameStart: UInt32
        @usableFromInline var valueStart: UInt32
        @usableFromInline var valueEnd: UInt32

        @inlinable
        init(nameStart: UInt32, valueStart: UInt32, valueEnd: UInt32) {
            self.nameStart = nameStart
            self.valueStart = valueStart
            self.valueEnd = valueEnd
        }
    }

    public init() {}

    public var count: Int { fields.count }
    public var isEmpty: Bool { fields.isEmpty }

    public mutating func reserveCapacity(fields: Int, bytes: Int) {
        self.fields.reserveCapacity(fields)
        self.bytes.reserveCapacity(bytes)
    }

    @inlinable
    public mutating func append(name: some Sequence<UInt8>, value: some Sequence<UInt8>) {
        let nameStart = UInt32(bytes.count)
        bytes.append(contentsOf: name)
        let valueStart = UInt32(bytes.count)
        bytes.append(contentsOf: value)
        fields.append(Field(nameStart: nameStart, valueStart: valueStart, valueEnd: UInt32(bytes.count)))
    }

    public mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let nameStart = UInt32(bytes.count)
        bytes.append(contentsOf: name)
        let valueStart = UInt32(bytes.count)
        bytes.append(contentsOf: value)
        fields.append(Field(nameStart: nameStart, valueStart: valueStart, valueEnd: UInt32(bytes.count)))
    }

    /// Lengthens the value of the last field.
    public mutating func extendLast(_ value: some Sequence<UInt8>) {
        guard let last = fields.popLast() else { return }
        if Int(last.valueEnd) == bytes.count {
            bytes.append(contentsOf: value)
            let end = UInt32(bytes.count)
            fields.append(Field(nameStart: last.nameStart, valueStart: last.valueStart, valueEnd: end))
        } else {
            let (start, middle, end) = (Int(last.nameStart), Int(last.valueStart), Int(last.valueEnd))
            append(name: Array(bytes[start..<middle]), value: Array(bytes[middle..<end]) + value)
        }
    }

    public mutating func append(_ name: String, _ value: String) {
        append(name: name.utf8, value: value.utf8)
    }

    @inlinable
    public func name(at index: Int) -> ArraySlice<UInt8> {
        let field = fields[index]
        return bytes[Int(field.nameStart)..<Int(field.valueStart)]
    }

    /// How many bytes the name at `index` has.
    public func nameCount(at index: Int) -> Int {
        Int(fields[index].valueStart - fields[index].nameStart)
    }

    @inlinable
    public func value(at index: Int) -> ArraySlice<UInt8> {
        let field = fields[index]
        return bytes[Int(field.valueStart)..<Int(field.valueEnd)]
    }

    /// Puts a field before all others.
    public mutating func insert(_ name: String, _ value: String) {
        append(name, value)
        fields.insert(fields.removeLast(), at: 0)
    }

    /// Whether the field at `index` has this name; `lowercased` must be in lower case.
    public func isNamed(_ lowercased: StaticString, at index: Int) -> Bool {
        let field = fields[index]
        let start = Int(field.nameStart)
        let length = Int(field.valueStart) - start
        guard length == lowercased.utf8CodeUnitCount else { return false }
        return bytes.withUnsafeBufferPointer { buffer in
            for offset in 0..<length where asciiLowercase(buffer[start + offset]) != lowercased.utf8Start[offset] {
                return false
            }
            return true
        }
    }

    /// Whether the field at `index` has this name, in any case.
    @inlinable
    public func isNamed(_ name: some Collection<UInt8>, at index: Int) -> Bool {
        nameCount(at: index) == name.count
            && zip(self.name(at: index), name).allSatisfy { asciiLowercase($0) == asciiLowercase($1) }
    }

    /// Calls `body` with the bytes of each name and value; they are valid until it returns.
    func forEachRaw(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { bytes in
            for field in fields {
                body(
                    UnsafeRawBufferPointer(rebasing: bytes[Int(field.nameStart)..<Int(field.valueStart)]),
                    UnsafeRawBufferPointer(rebasing: bytes[Int(field.valueStart)..<Int(field.valueEnd)])
                )
            }
        }
    }

    /// The first value of the field, or nil; `lowercased` must be in lower case.
    public func first(_ lowercased: StaticString) -> ArraySlice<UInt8>? {
        for index in 0..<fields.count where isNamed(lowercased, at: index) { return value(at: index) }
        return nil
    }

    public func contains(_ lowercased: StaticString) -> Bool {
        (0..<fields.count).contains { isNamed(lowercased, at: $0) }
    }

    /// Every value of the field, in order; `lowercased` must be in lower case.
    public func values(_ lowercased: StaticString) -> [ArraySlice<UInt8>] {
        (0..<fields.count).filter { isNamed(lowercased, at: $0) }.map { value(at: $0) }
    }

    /// The elements of a comma-separated list field (RFC 9110, section 5.6.1) in lower case, over all its lines.
    public func tokens(_ lowercased: StaticString) -> [[UInt8]] {
        values(lowercased).flatMap { value in
            value.split(separator: UInt8(ascii: ",")).map { $0.trimmingOptionalWhitespace().map(asciiLowercase) }
        }.filter { !$0.isEmpty }
    }

    /// Calls `body` with each element of a comma-separated list field (RFC 9110, section 5.6.1) as it was written, over
    /// all its lines; empty elements are passed over.
    public func forEachElement(of lowercased: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
        for index in 0..<fields.count where isNamed(lowercased, at: index) {
            var rest = value(at: index)
            while !rest.isEmpty {
                let comma = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let element = rest[..<comma].trimmingOptionalWhitespace()
                if !element.isEmpty { body(element) }
                rest = rest[comma...].dropFirst()
            }
        }
    }

    /// Whether a comma-separated list field has this element, in any case; both must be given in lower case.
    public func hasElement(_ element: StaticString, in lowercased: StaticString) -> Bool {
        var found = false
        forEachElement(of: lowercased) { found = found || isEqual($0, ignoringCase: element) }
        return found
    }

    /// Puts the values where the first field of this name stood (at the end, if there was none) and drops the others.
    @inlinable
    public mutating func set(name: some Collection<UInt8>, values: [[UInt8]]) {
        var result = HeaderFields()
        result.reserveCapacity(fields: count + values.count, bytes: bytes.count + 64)
        var placed = false
        for index in 0..<count {
            guard isNamed(name, at: index) else {
                result.append(name: self.name(at: index), value: self.value(at: index))
                continue
            }
            guard !placed else { continue }
            placed = true
            let wireName = self.name(at: index)
            for value in values { result.append(name: wireName, value: value) }
        }
        if !placed { for value in values { result.append(name: name, value: value) } }
        self = result
    }

    public mutating func set(_ name: String, _ value: String) {
        set(name: Array(name.utf8), values: [Array(value.utf8)])
    }

    public mutating func remove(_ lowercased: StaticString) {
        guard contains(lowercased) else { return }
        removeAll { $0.isNamed(lowercased, at: $1) }
    }

    @inlinable
    public mutating func remove(name: some Collection<UInt8>) {
        removeAll { $0.isNamed(name, at: $1) }
    }

    /// Drops the fields for which `shouldRemove`, called with the list and an index in it, is true.
    @inlinable
    public mutating func removeAll(where shouldRemove: (HeaderFields, Int) -> Bool) {
        guard let first = (0..<count).first(where: { shouldRemove(self, $0) }) else { return }
        var kept = Array(fields[..<first])
        kept.reserveCapacity(fields.count)
        for index in (first + 1)..<count where !shouldRemove(self, index) { kept.append(fields[index]) }
        fields = kept
    }
}

/// As HTTP/1 writes them: `name: value CR LF` for each field.
extension HeaderFields {
    /// How many bytes `writeWire` writes.
    public var wireByteCount: Int {
        fields.reduce(0) { $0 + Int($1.valueEnd - $1.nameStart) + 4 }
    }

    /// Writes the field lines to the start of `target`, which must have room for `wireByteCount` bytes.
    public func writeWire(to target: UnsafeMutableRawBufferPointer) -> Int {
        precondition(target.count >= wireByteCount, "the target is smaller than the field lines")
        return bytes.withUnsafeBytes { source in
            var end = 0
            func copy(_ range: Range<Int>) {
                UnsafeMutableRawBufferPointer(rebasing: target[end..<(end + range.count)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
                end += range.count
            }
            func put(_ first: UInt8, _ second: UInt8) {
                target[end] = first
                target[end + 1] = second
                end += 2
            }
            for field in fields {
                copy(Int(field.nameStart)..<Int(field.valueStart))
                put(UInt8(ascii: ":"), UInt8(ascii: " "))
                copy(Int(field.valueStart)..<Int(field.valueEnd))
                put(UInt8(ascii: "\r"), UInt8(ascii: "\n"))
            }
            return end
        }
    }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}

/// Whether the bytes are these in any case; `lowercased` must be in lower case.
public func isEqual(_ bytes: ArraySlice<UInt8>, ignoringCase lowercased: StaticString) -> Bool {
    guard bytes.count == lowercased.utf8CodeUnitCount else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
        for offset in 0..<bytes.count where asciiLowercase(bytes[offset]) != lowercased.utf8Start[offset] {
            return false
        }
        return true
    }
}

@inlinable
public func asciiLowercase(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

extension ArraySlice<UInt8> {
    /// The slice without the spaces and tabs at both ends (OWS of RFC 9110, section 5.6.3).
    public func trimmingOptionalWhitespace() -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return []
        }
        return self[first...last]
    }
}
