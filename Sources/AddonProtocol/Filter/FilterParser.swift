/// Parses filter expressions.
///
/// `!` binds tighter than `&`, and `&` tighter than `|`. Expressions that merely follow each other must all hold; this
/// binds loosest. A regular expression is either a word without `()~'"` and white space, or is quoted with `"` or `'`.
/// In quotes, `\n`, `\r`, `\t` and `\f` mean what they mean in C, and `\` before any other character stands for that
/// character. A regular expression without an atom is searched for in the URL.
struct FilterParser {
    typealias Expression = FilterExpression<FilterPatternText>

    static let maximumBytes = 65_536
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    static func parse(_ text: String) throws(FilterError) -> Expression {
        guard text.utf8.count <= maximumBytes else {
            throw FilterError(at: maximumBytes, "a filter has at most \(maximumBytes) bytes")
        }
        var parser = FilterParser(bytes: Array(text.utf8))
        let expression = try parser.sequence()
        guard parser.position == parser.bytes.count else { throw parser.unexpected("&, |, or an expression") }
        return expression
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    // MARK: Operators

    private mutating func sequence() throws(FilterError) -> Expression {
        var operands = [try alternatives()]
        while let next = nextByte(), next != UInt8(ascii: ")") { operands.append(try alternatives()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func alternatives() throws(FilterError) -> Expression {
        var operands = [try conjunction()]
        while take("|") { operands.append(try conjunction()) }
        return operands.count == 1 ? operands[0] : .or(operands)
    }

    private mutating func conjunction() throws(FilterError) -> Expression {
        var operands = [try negation()]
        while take("&") { operands.append(try negation()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func negation() throws(FilterError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw FilterError(at: position, "nested deeper than \(Self.maximumDepth)")
        }
        if take("!") { return .not(try negation()) }
        guard take("(") else { return .atom(try atom()) }
        let expression = try sequence()
        guard take(")") else { throw unexpected(")") }
        return expression
    }

    // MARK: Atoms

    private mutating func atom() throws(FilterError) -> FilterAtom<FilterPatternText> {
        guard let first = nextByte() else { throw unexpected(Self.operand) }
        let start = position
        switch first {
        case UInt8(ascii: "~"):
            position += 1
            return try atom(named: name(), at: start)
        case UInt8(ascii: "&"), UInt8(ascii: "|"):
            throw unexpected(Self.operand)
        default:
            return .pattern(.url, try pattern(allowed: Self.operand))
        }
    }

    private mutating func atom(named name: String, at start: Int) throws(FilterError) -> FilterAtom<FilterPatternText> {
        if name == "c" { return .status(try status()) }
        if let field = FilterField(rawValue: name) {
            return .pattern(field, try pattern(allowed: "a regular expression after ~\(name)"))
        }
        guard let flag = FilterFlag(rawValue: name) else {
            throw FilterError(at: start, "there is no ~\(name); allowed: \(Self.atomNames)")
        }
        return .flag(flag)
    }

    private mutating func name() -> String {
        let start = position
        while position < bytes.count, Self.isLetter(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func status() throws(FilterError) -> Int {
        _ = nextByte()
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        guard let status = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            position = start
            throw unexpected("a status code after ~c")
        }
        return status
    }

    // MARK: Regular expressions

    private mutating func pattern(allowed: String) throws(FilterError) -> FilterPatternText {
        guard let first = nextByte() else { throw unexpected(allowed) }
        let start = position
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            position += 1
            return FilterPatternText(try quoted(by: first, from: start), at: start)
        }
        while position < bytes.count, !Self.isWordEnd(bytes[position]) { position += 1 }
        guard position > start else { throw unexpected(allowed) }
        return FilterPatternText(String(decoding: bytes[start..<position], as: UTF8.self), at: start)
    }

    private mutating func quoted(by quote: UInt8, from start: Int) throws(FilterError) -> String {
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), position < bytes.count {
                text.append(Self.escaped(bytes[position]))
                position += 1
            } else {
                text.append(byte)
            }
        }
        throw FilterError(at: start, "the quoted text has no closing quote")
    }

    private static func escaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "f"): 0x0c
        default: byte
        }
    }

    // MARK: Bytes

    /// The next byte that is not white space; moves the position to it.
    private mutating func nextByte() -> UInt8? {
        while position < bytes.count, Self.isWhiteSpace(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard nextByte() == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private func unexpected(_ allowed: String) -> FilterError {
        guard position < bytes.count else { return FilterError(at: position, "found the end; allowed: \(allowed)") }
        let found = Unicode.Scalar(bytes[position])
        let shown = found.isASCII ? "\"\(found)\"" : "byte \(bytes[position])"
        return FilterError(at: position, "found \(shown); allowed: \(allowed)")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private static func isWordEnd(_ byte: UInt8) -> Bool {
        isWhiteSpace(byte) || "()~'\"".utf8.contains(byte)
    }

    private static let operand = "an atom such as ~u, a regular expression, !, or ("

    /// All atoms, for errors.
    static let atomNames =
        (["c"] + FilterFlag.allCases.map(\.rawValue) + FilterField.allCases.map(\.rawValue)).sorted()
        .map { "~" + $0 }.joined(separator: " ")
}
