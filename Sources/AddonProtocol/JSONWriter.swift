/// Writes JSON text directly as bytes. It adds commas itself; the caller must balance the brackets.
///
/// The text contains no line feeds, so it can be sent as a line.
public struct JSONWriter: ~Copyable, Sendable {
    private var output: ByteOutput
    private var needsComma = false

    /// Creates a writer with room for `capacity` bytes.
    public init(capacity: Int = 256) {
        output = ByteOutput(capacity: capacity)
    }

    /// The text so far.
    public var bytes: [UInt8] { output.array }

    /// Returns the text in no more memory than it needs, and empties the writer.
    ///
    /// - Parameter limit: how much capacity, in bytes, the writer may keep for reuse.
    public mutating func takeBytes(keepingCapacityUpTo limit: Int) -> [UInt8] {
        needsComma = false
        let bytes = output.count < ByteOutput.pieceBytes ? output.array : output.takeArray()
        if output.capacity > limit { output = ByteOutput(capacity: limit) } else { output.removeAll() }
        return bytes
    }

    /// Begins an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Ends an object.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Begins an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Ends an array.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes a member's name, which must not need escapes.
    public mutating func key(_ name: StaticString) {
        let comma = needsComma
        output.append(atMost: name.utf8CodeUnitCount + 4) { end in
            if comma { end.put(UInt8(ascii: ",")) }
            end.put(UInt8(ascii: "\""))
            end.put(name.utf8Bytes)
            end.put(UInt8(ascii: "\""))
            end.put(UInt8(ascii: ":"))
        }
        needsComma = false
    }

    /// Writes a member's name, escaped as needed. (Without the label, a literal would choose this overload.)
    public mutating func key(text name: String) {
        string(name)
        output.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes null.
    public mutating func null() { literal("null") }
    /// Writes a boolean.
    public mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    /// Writes a whole number.
    public mutating func integer(_ value: Int) {
        beginValue()
        Decimal.append(value, to: &output)
    }

    /// Writes the shortest decimal that reads back as the same number; null for infinities and NaN (RFC 8259, section
    /// 6).
    public mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        beginValue()
        Decimal.append(value, to: &output)
    }

    /// Writes a string, escaped as needed.
    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { quoted(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a Bytes value of the protocol: a string when the bytes are valid UTF-8, otherwise `{"base64":"…"}`. Long
    /// texts also become base64 when their escapes would take more room.
    public mutating func bytes(_ value: UnsafeRawBufferPointer) {
        guard !JSONScanner.isUTF8(value) || isShorterInBase64(value) else { return quoted(value) }
        beginObject()
        key("base64")
        output.append(UInt8(ascii: "\""))
        Base64.append(value, to: &output)
        output.append(UInt8(ascii: "\""))
        endObject()
    }

    /// Writes a Bytes value.
    public mutating func bytes(_ value: [UInt8]) {
        value.withUnsafeBytes { bytes($0) }
    }

    /// Writes a Bytes value.
    public mutating func bytes(_ value: ArraySlice<UInt8>) {
        value.withUnsafeBytes { bytes($0) }
    }

    /// Writes a Bytes value.
    public mutating func bytes(_ value: some Collection<UInt8>) {
        let done: Void? = value.withContiguousStorageIfAvailable { bytes(UnsafeRawBufferPointer($0)) }
        if done == nil { bytes(Array(value)) }
    }

    /// Writes a list of `[name, value]` pairs in wire order.
    public mutating func headers(_ fields: HeaderFields) {
        let areAllPlain = fields.arePlain
        beginArray()
        fields.forEachRaw { name, value in
            if areAllPlain { return plainPair(name, value) }
            beginArray()
            bytes(name)
            bytes(value)
            endArray()
        }
        endArray()
    }

    /// Writes any value.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): number(value)
        case .string(let value): string(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(text: member.name)
                self.value(member.value)
            }
            endObject()
        }
    }

    /// Writes a value that already is JSON text.
    public mutating func raw(_ json: [UInt8]) {
        beginValue()
        json.withUnsafeBytes { output.append(copying: $0) }
    }
}

extension JSONWriter {
    private mutating func beginValue() {
        if needsComma { output.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        beginValue()
        output.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        output.append(bracket)
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        beginValue()
        output.append(copying: text.utf8Bytes)
    }

    private mutating func quoted(_ text: UnsafeRawBufferPointer) {
        guard JSONScanner.endOfPlainRun(text, from: 0) == text.count else { return escaped(text) }
        let comma = needsComma
        output.append(atMost: text.count + 3) { end in
            if comma { end.put(UInt8(ascii: ",")) }
            end.put(UInt8(ascii: "\""))
            end.put(text)
            end.put(UInt8(ascii: "\""))
        }
        needsComma = true
    }

    /// `["name","value"]` of ASCII without escapes.
    private mutating func plainPair(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let comma = needsComma
        output.append(atMost: name.count + value.count + 8) { end in
            if comma { end.put(UInt8(ascii: ",")) }
            end.put(UInt8(ascii: "["))
            end.put(UInt8(ascii: "\""))
            end.put(name)
            end.put(("\",\"" as StaticString).utf8Bytes)
            end.put(value)
            end.put(UInt8(ascii: "\""))
            end.put(UInt8(ascii: "]"))
        }
        needsComma = true
    }

    private func isShorterInBase64(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count > Self.manyBytes else { return false }
        var (escapes, index) = (0, JSONScanner.endOfPlainRun(text, from: 0))
        while index < text.count, escapes <= text.count / 3 {
            escapes += text[index] < 0x20 ? 5 : 1
            index = JSONScanner.endOfPlainRun(text, from: index + 1)
        }
        return escapes > text.count / 3
    }

    /// Shorter texts are never written as base64, in bytes.
    private static let manyBytes = 64 * 1024

    private mutating func escaped(_ text: UnsafeRawBufferPointer) {
        beginValue()
        output.append(UInt8(ascii: "\""))
        for start in stride(from: 0, to: text.count, by: Self.escapedAtOnce) {
            let end = min(start + Self.escapedAtOnce, text.count)
            appendEscaped(UnsafeRawBufferPointer(rebasing: text[start..<end]))
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Escapes take up to six bytes, so a long text reserves its room piece by piece.
    private static let escapedAtOnce = 4096

    private mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
        output.append(addingCapacity: text.count * 6) { span in
            var start = 0
            while true {
                let end = JSONScanner.endOfPlainRun(text, from: start)
                span.append(copying: UnsafeRawBufferPointer(rebasing: text[start..<end]))
                guard end < text.count else { return }
                span.append(escapeOf: text[end])
                start = end + 1
            }
        }
    }
}

extension StaticString {
    @inline(__always)
    fileprivate var utf8Bytes: UnsafeRawBufferPointer { .init(start: utf8Start, count: utf8CodeUnitCount) }
}

extension OutputSpan<UInt8> {
    /// Appends bytes for which there is already room.
    @inline(__always)
    fileprivate mutating func append(copying source: UnsafeRawBufferPointer) {
        guard source.count > 0 else { return }
        withUnsafeMutableBufferPointer { buffer, count in
            UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
                .copyMemory(from: source)
            count += source.count
        }
    }

    fileprivate mutating func append(escapeOf byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        default:
            for digit in "u00".utf8 { append(digit) }
            append(Decimal.hexadecimal(byte >> 4))
            append(Decimal.hexadecimal(byte & 15))
        }
    }
}
