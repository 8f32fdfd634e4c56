/// Cuts a stream of bytes into lines; one that is longer than the limit comes in pieces.
struct AddonProcessLines {
    /// The most bytes of one line, so that the log has room for it and for who says it.
    static let limit = Limits.logLineBytes - 512

    private var rest: [UInt8] = []

    /// The lines that `bytes` complete, without LF and CR; bytes that are not UTF-8 become U+FFFD.
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

    /// What came after the last LF, if anything did.
    mutating func finish() -> String? {
        rest.isEmpty ? nil : take()
    }

    private mutating func take() -> String {
        defer { rest.removeAll(keepingCapacity: true) }
        return String(decoding: rest.last == UInt8(ascii: "\r") ? rest.dropLast() : rest[...], as: UTF8.self)
    }
}
