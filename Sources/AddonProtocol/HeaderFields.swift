/// An ordered list of header fields as bytes. It keeps wire order, case, duplicates and non-UTF-8 bytes.
///
/// All names and values share one buffer, so a message head costs two allocations however many fields it has. Names
/// compare case-insensitively in ASCII (RFC 9110, section 5.1).
public struct HeaderFields: Sendable {
    @usableFromInline var bytes: [UInt8] = []
    @usableFromInline var fields: [Field] = []
    @usableFromInline var names = NameMask()

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

    /// Creates an empty list.
    public init() {}

    /// The number of fields.
    public var count: Int { fields.count }
    /// Whether there are no fields.
    public var isEmpty: Bool { fields.isEmpty }

    /// Reserves capacity for fields and for their bytes.
    public mutating func reserveCapacity(fields: Int, bytes: Int) {
        self.fields.reserveCapacity(fields)
        self.bytes.reserveCapacity(bytes)
    }

    /// Appends a field.
    @inlinable
    public mutating func append(name: some Sequence<UInt8>, value: some Sequence<UInt8>) {
        let nameStart = bytes.count
        bytes.append(contentsOf: name)
        let valueStart = bytes.count
        bytes.append(contentsOf: value)
        appendField(nameStart: nameStart, valueStart: valueStart)
    }

    /// Appends a field.
    public mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let nameStart = bytes.count
        bytes.append(contentsOf: name)
        let valueStart = bytes.count
        bytes.append(contentsOf: value)
        appendField(nameStart: nameStart, valueStart: valueStart)
    }

    /// Makes a field of the last bytes.
    @inlinable
    mutating func appendField(nameStart: Int, valueStart: Int) {
        fields.append(
            Field(
                nameStart: UInt32(nameStart),
                valueStart: UInt32(valueStart),
                valueEnd: UInt32(bytes.count)
            )
        )
        names.insert(length: valueStart - nameStart, first: valueStart > nameStart ? bytes[nameStart] : 0)
    }

    /// Extends the value of the last field.
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

    /// Appends a field.
    public mutating func append(_ name: String, _ value: String) {
        append(name: name.utf8, value: value.utf8)
    }

    /// The name at `index`, as it was written.
    @inlinable
    public func name(at index: Int) -> ArraySlice<UInt8> {
        let field = fields[index]
        return bytes[Int(field.nameStart)..<Int(field.valueStart)]
    }

    /// The length of the name at `index`, in bytes.
    public func nameCount(at index: Int) -> Int {
        Int(fields[index].valueStart - fields[index].nameStart)
    }

    /// The value at `index`.
    @inlinable
    public func value(at index: Int) -> ArraySlice<UInt8> {
        let field = fields[index]
        return bytes[Int(field.valueStart)..<Int(field.valueEnd)]
    }

    /// Inserts a field before all others.
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

    /// Whether the field at `index` has this name, ignoring case.
    @inlinable
    public func isNamed(_ name: some Collection<UInt8>, at index: Int) -> Bool {
        nameCount(at: index) == name.count
            && zip(self.name(at: index), name).allSatisfy { asciiLowercase($0) == asciiLowercase($1) }
    }

    /// Calls `body` with the bytes of each name and value, which are valid only during the call.
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

    /// Whether JSON has all names and values as they are: ASCII without escapes.
    var arePlain: Bool {
        bytes.withUnsafeBytes { JSONScanner.isASCII($0) && JSONScanner.endOfPlainRun($0, from: 0) == $0.count }
    }

    /// The index of the first field of this name from `start` on; `lowercased` must be in lower case.
    @inlinable
    public func firstIndex(of lowercased: StaticString, from start: Int = 0) -> Int? {
        names.mayHave(lowercased) ? search(for: lowercased, from: start) : nil
    }

    @usableFromInline
    func search(for lowercased: StaticString, from start: Int) -> Int? {
        for index in start..<fields.count where isNamed(lowercased, at: index) { return index }
        return nil
    }

    /// The first value of the field; nil when there is none. `lowercased` must be in lower case.
    @inlinable
    public func first(_ lowercased: StaticString) -> ArraySlice<UInt8>? {
        firstIndex(of: lowercased).map { value(at: $0) }
    }

    /// Whether there is a field of this name; `lowercased` must be in lower case.
    @inlinable
    public func contains(_ lowercased: StaticString) -> Bool {
        firstIndex(of: lowercased) != nil
    }

    /// Calls `body` with the index of each field of this name, in order; `lowercased` must be in lower case.
    @inlinable
    public func forEachIndex<Failure: Error>(
        of lowercased: StaticString,
        _ body: (Int) throws(Failure) -> Void
    ) throws(Failure) {
        var next = firstIndex(of: lowercased)
        while let index = next {
            try body(index)
            next = firstIndex(of: lowercased, from: index + 1)
        }
    }

    /// All values of the field, in order; `lowercased` must be in lower case.
    @inlinable
    public func values(_ lowercased: StaticString) -> [ArraySlice<UInt8>] {
        var values: [ArraySlice<UInt8>] = []
        forEachIndex(of: lowercased) { values.append(value(at: $0)) }
        return values
    }

    /// The elements of a comma-separated list field (RFC 9110, section 5.6.1) over all its lines, in lower case.
    public func tokens(_ lowercased: StaticString) -> [[UInt8]] {
        values(lowercased).flatMap { value in
            value.split(separator: UInt8(ascii: ",")).map { $0.trimmingOptionalWhitespace().map(asciiLowercase) }
        }.filter { !$0.isEmpty }
    }

    /// Calls `body` with each element of a comma-separated list field (RFC 9110, section 5.6.1) over all its lines, as
    /// it was written. Skips empty elements.
    public func forEachElement(of lowercased: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
        forEachIndex(of: lowercased) { index in
            var rest = value(at: index)
            while !rest.isEmpty {
                let comma = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let element = rest[..<comma].trimmingOptionalWhitespace()
                if !element.isEmpty { body(element) }
                rest = rest[comma...].dropFirst()
            }
        }
    }

    /// Whether a comma-separated list field has this element, ignoring case; both must be given in lower case.
    public func hasElement(_ element: StaticString, in lowercased: StaticString) -> Bool {
        var found = false
        forEachElement(of: lowercased) { found = found || isEqual($0, ignoringCase: element) }
        return found
    }

    /// Replaces the first field of this name with the values and removes the others; appends when there is none.
    @inlinable
    public mutating func set(name: some Collection<UInt8>, values: some Collection<some Collection<UInt8>>) {
        guard let place = firstIndex(named: name) else {
            for value in values { append(name: name, value: value) }
            return
        }
        removeAll { $1 > place && $0.isNamed(name, at: $1) }
        let old = fields.remove(at: place)
        for (offset, value) in values.enumerated() {
            appendName(of: old, value)
            fields.insert(fields.removeLast(), at: place + offset)
        }
        dropUnusedBytes()
    }

    @inlinable
    func firstIndex(named name: some Collection<UInt8>) -> Int? {
        guard names.mayHave(length: name.count, first: name.first ?? 0) else { return nil }
        return (0..<fields.count).first { isNamed(name, at: $0) }
    }

    /// Appends a field whose name is copied from another field.
    @inlinable
    mutating func appendName(of other: Field, _ value: some Collection<UInt8>) {
        let nameStart = bytes.count
        for index in Int(other.nameStart)..<Int(other.valueStart) { bytes.append(bytes[index]) }
        let valueStart = bytes.count
        bytes.append(contentsOf: value)
        appendField(nameStart: nameStart, valueStart: valueStart)
    }

    /// Compacts the buffer when most of it is unused, so that repeated changes do not accumulate.
    @usableFromInline
    mutating func dropUnusedBytes() {
        guard bytes.count > 2 * wireByteCount + 1024 else { return }
        var kept = HeaderFields()
        kept.reserveCapacity(fields: count, bytes: wireByteCount)
        for index in 0..<count { kept.append(name: name(at: index), value: value(at: index)) }
        self = kept
    }

    /// Sets a field to a single value.
    public mutating func set(_ name: String, _ value: String) {
        set(name: name.utf8, values: CollectionOfOne(value.utf8))
    }

    /// Removes all fields of this name; `lowercased` must be in lower case.
    public mutating func remove(_ lowercased: StaticString) {
        guard contains(lowercased) else { return }
        removeAll { $0.isNamed(lowercased, at: $1) }
    }

    /// Removes all fields of this name, ignoring case.
    @inlinable
    public mutating func remove(name: some Collection<UInt8>) {
        removeAll { $0.isNamed(name, at: $1) }
    }

    /// Removes the fields for which `shouldRemove` returns true, given the list and an index.
    @inlinable
    public mutating func removeAll(where shouldRemove: (HeaderFields, Int) -> Bool) {
        guard let first = (0..<count).first(where: { shouldRemove(self, $0) }) else { return }
        var kept = first
        for index in (first + 1)..<count where !shouldRemove(self, index) {
            fields[kept] = fields[index]
            kept += 1
        }
        fields.removeLast(count - kept)
    }
}

/// Fields as HTTP/1 writes them: `name: value CR LF` each.
extension HeaderFields {
    /// How many bytes `writeWire` writes.
    public var wireByteCount: Int {
        fields.reduce(0) { $0 + Int($1.valueEnd - $1.nameStart) + 4 }
    }

    /// Writes the field lines to the start of `target`, which must have room for `wireByteCount` bytes.
    public func writeWire(to target: UnsafeMutableRawBufferPointer) -> Int {
        precondition(target.count >= wireByteCount, "the target is smaller than the field lines")
        guard let start = target.baseAddress else { return 0 }
        var end = start
        forEachRaw { name, value in
            end.put(name)
            end.put(UInt8(ascii: ":"))
            end.put(UInt8(ascii: " "))
            end.put(value)
            end.put(UInt8(ascii: "\r"))
            end.put(UInt8(ascii: "\n"))
        }
        return end - start
    }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
    /// Creates a list of fields in the given order.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { append(name, value) }
    }
}

/// Compares ASCII text case-insensitively; `lowercased` must be in lower case.
public func isEqual(_ bytes: ArraySlice<UInt8>, ignoringCase lowercased: StaticString) -> Bool {
    bytes.withUnsafeBytes { $0.isEqual(ignoringCase: lowercased) }
}

extension UnsafeRawBufferPointer {
    /// Whether they are this text, in any case; `lowercased` must be in lower case.
    public func isEqual(ignoringCase lowercased: StaticString) -> Bool {
        guard count == lowercased.utf8CodeUnitCount else { return false }
        for offset in 0..<count where asciiLowercase(self[offset]) != lowercased.utf8Start[offset] { return false }
        return true
    }
}

/// Maps A to Z to lower case, and leaves other bytes unchanged.
@inlinable
public func asciiLowercase(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

extension ArraySlice<UInt8> {
    /// The slice without spaces and tabs at both ends (OWS, RFC 9110, section 5.6.3).
    public func trimmingOptionalWhitespace() -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return []
        }
        return self[first...last]
    }
}
