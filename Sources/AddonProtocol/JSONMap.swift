/// Where the long objects and arrays of a JSON text lie, so that only the first walk passes through them.
struct JSONMap: Sendable {
    /// What is shorter, in bytes, is as well walked over again.
    private static let leastBytes = 256
    /// A text with more of them has no use for a list.
    private static let limit = 16

    private var values: [Range<Int>] = []

    mutating func note(_ value: Range<Int>) {
        if value.count >= Self.leastBytes, values.count < Self.limit { values.append(value) }
    }

    /// Where the value that begins at `start` ends; nil when it is not known.
    @inline(__always)
    func end(of start: Int) -> Int? {
        for value in values where value.lowerBound == start { return value.upperBound }
        return nil
    }
}
