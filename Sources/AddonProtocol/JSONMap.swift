/// Remembers where the long objects and arrays of a JSON text end, so that later walks can skip them.
struct JSONMap: Sendable {
    /// Shorter values, in bytes, are cheap enough to walk again.
    private static let leastBytes = 256
    /// How many values are remembered; a search through more would not pay.
    private static let limit = 16

    private var values: [Range<Int>] = []

    mutating func note(_ value: Range<Int>) {
        if value.count >= Self.leastBytes, values.count < Self.limit { values.append(value) }
    }

    /// The end of the value that begins at `start`; nil when it is not remembered.
    @inline(__always)
    func end(of start: Int) -> Int? {
        for value in values where value.lowerBound == start { return value.upperBound }
        return nil
    }
}
