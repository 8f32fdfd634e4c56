/// A histogram of wait times in microseconds. Its buckets grow with the time: each is an eighth of a power of two wide.
///
/// Its memory is allocated with the first wait, and does not grow.
struct WaitHistogram: Sendable {
    /// Below this, each microsecond has its own bucket.
    private static let exact = 16
    /// The power of two at which the last buckets begin: about a minute.
    private static let lastPower = 26
    private static let bucketCount = exact + (lastPower - 3) * 8

    private var counts: [UInt32] = []

    /// Adds one wait.
    mutating func add(_ microseconds: Int) {
        if counts.isEmpty { counts = Array(repeating: 0, count: Self.bucketCount) }
        let bucket = Self.bucket(of: microseconds)
        counts[bucket] = counts[bucket] &+ 1
    }

    /// Adds all waits of another histogram.
    mutating func add(_ other: WaitHistogram) {
        guard !other.counts.isEmpty else { return }
        if counts.isEmpty {
            counts = other.counts
            return
        }
        for bucket in counts.indices { counts[bucket] = counts[bucket] &+ other.counts[bucket] }
    }

    /// The time within which this share of all waits ended, in microseconds, at most an eighth too high; 0 when there
    /// were none.
    func percentile(_ percent: Int) -> Int {
        let total = counts.reduce(0) { $0 + Int($1) }
        let wanted = max(1, (total * percent + 99) / 100)
        var seen = 0
        for (bucket, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= wanted { return Self.end(of: bucket) }
        }
        return 0
    }

    private static func bucket(of microseconds: Int) -> Int {
        guard microseconds >= exact else { return max(0, microseconds) }
        let power = Int.bitWidth - 1 - microseconds.leadingZeroBitCount
        guard power <= lastPower else { return bucketCount - 1 }
        return exact + (power - 4) * 8 + (microseconds >> (power - 3)) & 7
    }

    /// The last microsecond that belongs to the bucket.
    private static func end(of bucket: Int) -> Int {
        guard bucket >= exact else { return bucket }
        let (power, eighth) = ((bucket - exact) / 8 + 4, (bucket - exact) % 8)
        return (8 + eighth + 1) << (power - 3) - 1
    }
}
