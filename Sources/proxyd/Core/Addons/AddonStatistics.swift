import AddonProtocol
import NIOCore

/// What `stats` shows of one addon.
struct AddonStatistics: Sendable {
    /// The statistics of one event.
    struct PerEvent: Sendable {
        var count = 0
        var totalMicroseconds = 0
        var maximumMicroseconds = 0
        var failures = 0
        var rejected = 0
        private var waits = WaitHistogram()

        var isEmpty: Bool { count == 0 && failures == 0 && rejected == 0 }

        /// Counts a reply.
        mutating func answered(after microseconds: Int) {
            count += 1
            totalMicroseconds += microseconds
            maximumMicroseconds = max(maximumMicroseconds, microseconds)
            waits.add(microseconds)
        }

        mutating func add(_ other: PerEvent) {
            count += other.count
            totalMicroseconds += other.totalMicroseconds
            maximumMicroseconds = max(maximumMicroseconds, other.maximumMicroseconds)
            failures += other.failures
            rejected += other.rejected
            waits.add(other.waits)
        }

        var json: JSONValue {
            [
                "count": .integer(count), "total_us": .integer(totalMicroseconds),
                "max_us": .integer(maximumMicroseconds), "failures": .integer(failures),
                "rejected": .integer(rejected), "p50_us": percentile(50), "p95_us": percentile(95),
                "p99_us": percentile(99),
            ]
        }

        private func percentile(_ percent: Int) -> JSONValue {
            .integer(min(waits.percentile(percent), maximumMicroseconds))
        }
    }

    private var byEvent = EventTable(repeating: PerEvent())
    /// Replies that nothing was waiting for.
    var lateReplies = 0

    /// Counts a reply and the time that it took.
    mutating func answered(_ event: Event, after time: TimeAmount) {
        byEvent[event].answered(after: Int(time.nanoseconds / 1000))
    }

    /// Counts a failure.
    mutating func failed(_ event: Event) {
        byEvent[event].failures += 1
    }

    /// Counts a refused change.
    mutating func rejected(_ event: Event) {
        byEvent[event].rejected += 1
    }

    mutating func add(_ other: AddonStatistics) {
        for event in Event.allCases { byEvent[event].add(other.byEvent[event]) }
        lateReplies += other.lateReplies
    }

    /// `{event: {count, total_us, …}}`.
    var json: JSONValue {
        .object(
            Event.allCases.compactMap { event in
                byEvent[event].isEmpty ? nil : JSONValue.Member(event.rawValue, byEvent[event].json)
            }
        )
    }
}
