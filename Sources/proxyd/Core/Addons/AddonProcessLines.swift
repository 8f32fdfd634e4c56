/// Splits a stream of bytes into lines; lines longer than the limit come in pieces.
struct AddonProcessLines {
    /// The most bytes in one line, which leaves room for the rest of the log entry.
    static let limit = Limits.logLineBytes - 512

    private var rest: [UInt8] = []

    /// The lines that `bytes` complete, without LF and CR. Invalid UTF-8 becomes U+FFFD.
    mutating func append(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            guard byte != UInt8(ascii: "\n") else {
                lines.append(take())
                continue
            }
            if rest.count == Self.limit { lines.append(take()) }
            rest.append(byte)
        }
        return lines
    }

    /// What follows the last LF, if anything.
    mutating func finish() -> String? {
        rest.isEmpty ? nil : take()
    }

    private mutating func take() -> String {
        defer { rest.removeAll(keepingCapacity: true) }
        return String(decoding: rest.last == UInt8(ascii: "\r") ? rest.dropLast() : rest[...], as: UTF8.self)
    }
}
