/// A pattern in which each `*` stands for any number of bytes.
public struct WildcardPattern: Sendable, Equatable {
    /// The parts between the wildcards: the first anchors the start, the last anchors the end, and the others follow in
    /// order.
    private let parts: [[UInt8]]
    private let ignoresCase: Bool

    /// Creates a pattern.
    public init(_ text: String, ignoringCase: Bool = false) {
        let text = ignoringCase ? text.lowercased() : text
        parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
        ignoresCase = ignoringCase
    }

    /// Whether the pattern matches all of the bytes.
    public func matches(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = parts.first, let last = parts.last, starts(bytes, with: first) else { return false }
        guard parts.count > 1 else { return bytes.count == first.count }
        var rest = bytes.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let start = rest.indices.first(where: { starts(rest[$0...], with: part) }) else { return false }
            rest = rest[start...].dropFirst(part.count)
        }
        return rest.count >= last.count && starts(rest.suffix(last.count), with: last)
    }

    private func starts(_ bytes: ArraySlice<UInt8>, with part: [UInt8]) -> Bool {
        guard bytes.count >= part.count else { return false }
        return zip(bytes, part).allSatisfy { (ignoresCase ? asciiLowercase($0) : $0) == $1 }
    }
}
