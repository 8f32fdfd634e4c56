import AddonProtocol

/// Repairs to the fields of a response: what browsers accept, and what cannot move a message's end. The same in a request
/// is refused.
extension FieldSection {
    /// Parses one field line of a response. It removes whitespace before the colon (RFC 9112, section 5.1), joins a value that
    /// continues on this line (section 5.2), and leaves out a line that is not a field.
    mutating func append(fromServer line: UnsafeRawBufferPointer) throws(HTTP1Error) {
        if let first = line.first, isSpace(first), !fields.isEmpty || ignoresLast { return try unfold(line) }
        let nameEnd = ByteClass.token.prefixLength(of: line, from: 0)
        var colon = nameEnd
        while colon < line.count, isSpace(line[colon]) { colon += 1 }
        if nameEnd > 0, colon < line.count, line[colon] == UInt8(ascii: ":") {
            try append(line, nameEnd: nameEnd, colon: colon)
            ignoresLast = false
        } else {
            guard Self.isHarmless(line) else { throw badName(line, at: nameEnd) }
            ignoredLine = quoted(line)
            ignoresLast = true
        }
    }

    private mutating func unfold(_ line: UnsafeRawBufferPointer) throws(HTTP1Error) {
        let bad = ByteClass.fieldContent.prefixLength(of: line, from: 0)
        let last = fields.count - 1
        guard bad == line.count else { throw badValue(last < 0 ? [] : fields.name(at: last), line[bad]) }
        guard !ignoresLast else { return }
        guard !fields.isNamed("content-length", at: last), !fields.isNamed("transfer-encoding", at: last) else {
            throw HTTP1Error(
                .foldedField,
                "\(quoted(fields.name(at: last))) is continued on a second line; what frames a body must be on one"
            )
        }
        let more = Array(line)[...].trimmingOptionalWhitespace()
        guard !more.isEmpty else { return }
        fields.extendLast(fields.value(at: last).isEmpty ? more : [0x20] + more)
    }

    /// Whether a line that is not a field may be left out: not if another parser could take it for framing.
    private static func isHarmless(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let first = line.first, !isSpace(first), ByteClass.fieldContent.containsAll(line) else { return false }
        let text = String(decoding: line.map(asciiLowercase), as: UTF8.self)
        return !text.contains("length") && !text.contains("encoding")
    }
}
