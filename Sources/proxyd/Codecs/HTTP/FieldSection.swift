import AddonProtocol
import Glibc

/// The lines of one head or trailer section as they arrive, and the fields parsed so far.
///
/// Lines end with CR LF. RFC 9112, section 2.2, allows a recipient to accept a lone LF as a line end. It is refused here,
/// because a hop that accepts it and a hop that does not see different messages in the same bytes.
struct FieldSection {
    /// The kind of section.
    enum Part {
        case startLine
        case fields
        case trailers
    }

    var fields = HeaderFields()
    /// The last line of a response that was left out because it is not a field, in quotes.
    var ignoredLine: String?
    /// Whether the previous line was left out.
    var ignoresLast = false
    private let limits: HeadLimits
    /// The number of bytes in complete lines so far.
    private var taken = 0
    /// How many bytes of the incomplete line are known to contain no LF, so that no byte is searched twice.
    private var searched = 0

    init(limits: HeadLimits) {
        self.limits = limits
    }

    mutating func reserve(bytes: Int) {
        fields.reserveCapacity(fields: 16, bytes: min(bytes, 2048))
    }

    /// The line that starts at `position`, without its line end; nil: it is incomplete.
    mutating func line(
        in bytes: UnsafeRawBufferPointer,
        at position: Int,
        of part: Part
    ) throws(HTTP1Error) -> Range<Int>? {
        guard let end = indexOfLineFeed(in: bytes, from: position + searched) else {
            searched = bytes.count - position
            guard taken + searched < limits.bytes else { throw tooLarge(part) }
            return nil
        }
        searched = 0
        taken += end + 1 - position
        guard taken <= limits.bytes else { throw tooLarge(part) }
        guard end > position, bytes[end - 1] == UInt8(ascii: "\r") else { throw .bareLineFeed }
        return position..<(end - 1)
    }

    /// Parses one field line (RFC 9112, section 5): `name ":" OWS value OWS`.
    mutating func append(_ line: UnsafeRawBufferPointer) throws(HTTP1Error) {
        let colon = ByteClass.token.prefixLength(of: line, from: 0)
        guard colon > 0, colon < line.count, line[colon] == UInt8(ascii: ":") else { throw badName(line, at: colon) }
        try append(line, nameEnd: colon, colon: colon)
    }

    /// Parses a field line whose name ends at `nameEnd` and whose value starts after `colon`.
    mutating func append(_ line: UnsafeRawBufferPointer, nameEnd: Int, colon: Int) throws(HTTP1Error) {
        var start = colon + 1
        while start < line.count, isSpace(line[start]) { start += 1 }
        var end = line.count
        while end > start, isSpace(line[end - 1]) { end -= 1 }
        let bad = ByteClass.fieldContent.prefixLength(of: line, from: start)
        guard bad == line.count else { throw badValue(line[..<nameEnd], line[bad]) }
        guard fields.count < limits.fields else { throw tooManyFields() }
        fields.append(
            name: UnsafeRawBufferPointer(rebasing: line[..<nameEnd]),
            value: UnsafeRawBufferPointer(rebasing: line[start..<end])
        )
    }

    /// Replaces all values of this field with one.
    mutating func replace(_ name: String, with value: [UInt8]) {
        fields.set(name: Array(name.utf8), values: [value])
    }
}

/// Errors in a line.
extension FieldSection {
    private func tooLarge(_ part: Part) -> HTTP1Error {
        switch part {
        case .startLine:
            HTTP1Error(.requestLineTooLong, "the first line is longer than \(limits.bytes) bytes, the limit")
        case .fields:
            HTTP1Error(.headTooLarge, "the head is larger than \(limits.bytes) bytes, the limit")
        case .trailers:
            HTTP1Error(.headTooLarge, "the trailer section is larger than \(limits.bytes) bytes, the limit")
        }
    }

    func badName(_ line: UnsafeRawBufferPointer, at index: Int) -> HTTP1Error {
        if index == 0, let first = line.first, isSpace(first) {
            return HTTP1Error(
                .foldedField,
                "the field line \(quoted(line)) starts with whitespace; values may not be continued on a second line"
            )
        }
        guard index < line.count else {
            return HTTP1Error(.badFieldName, "the field line \(quoted(line)) has no colon; it must be \"name: value\"")
        }
        if index == 0, line[0] == UInt8(ascii: ":") {
            return HTTP1Error(.badFieldName, "the field line \(quoted(line)) has no name before its colon")
        }
        if isSpace(line[index]) {
            return HTTP1Error(
                .badFieldName,
                "whitespace after the field name \(quoted(line[..<index])); the colon must follow the name at once"
            )
        }
        return HTTP1Error(
            .badFieldName,
            "the byte 0x\(hexadecimal(line[index])) in the field name of \(quoted(line)); "
                + "letters, digits and !#$%&'*+-.^_`|~ are allowed"
        )
    }

    func badValue(_ name: some Collection<UInt8>, _ byte: UInt8) -> HTTP1Error {
        HTTP1Error(
            .badFieldValue,
            "the control byte 0x\(hexadecimal(byte)) in the value of \(quoted(name)); "
                + "of the controls only a tab is allowed"
        )
    }

    private func tooManyFields() -> HTTP1Error {
        HTTP1Error(.tooManyFields, "more than \(limits.fields) fields, the limit")
    }
}

extension HTTP1Error {
    static var bareLineFeed: HTTP1Error {
        HTTP1Error(.bareLineFeed, "a line ends with LF (0x0a) alone; lines must end with CR LF")
    }
}

extension ByteClass {
    /// The index of the first byte from `start` on that is not in this class; `bytes.count` if all are.
    @inline(__always)
    func prefixLength(of bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count, contains(bytes[index]) { index += 1 }
        return index
    }
}

/// The index of the first LF at or after `start`.
func indexOfLineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard start < bytes.count, let base = bytes.baseAddress else { return nil }
    guard let found = memchr(base + start, 0x0a, bytes.count - start) else { return nil }
    return UnsafeRawPointer(found) - base
}

/// Whether the byte is whitespace within a line: SP or HTAB.
@inline(__always)
package func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09
}
