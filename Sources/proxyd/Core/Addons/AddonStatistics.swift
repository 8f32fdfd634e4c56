import AddonProtocol
import NIOCore

/// What `stats` tells of one addon.
struct AddonStatistics: Sendable {
    struct PerEvent: Sendable {
        var count = 0
        var totalMicroseconds = 0
        var maximumMicroseconds = 0
        var failures = 0
        var rejected = 0

        mutating func answered(after microseconds: Int) {
            count += 1
            totalMicroseconds += microseconds
            maximumMicroseconds = max(maximumMicroseconds, microseconds)
        }

        mutating func add(_ other: PerEvent) {
            count += other.count
            totalMicroseconds += other.totalMicroseconds
            maximumMicroseconds = max(maximumMicroseconds, other.maximumMicroseconds)
            failures += other.failures
            rejected += other.rejected
        }

        var json: JSONValue {
            [
                "count": .integer(count), "total_us": .integer(totalMicroseconds),
                "max_us": .integer(maximumMicroseconds), "failures": .integer(failures),
                "rejected": .integer(rejected),
            ]
        }
    }

    private var byEvent = EventTable<PerEvent?>(repeating: nil)
    /// Replies to nothing that waits.
    var lateReplies = 0

    mutating func answered(_ event: Event, after time: TimeAmount) {
        update(event) { $0.answered(after: Int(time.nanoseconds / 1000)) }
    }

    mutating func failed(_ event: Event) {
        update(event) { $0.failures += 1 }
    }

    mutating func rejected(_ event: Event) {
        update(event) { $0.rejected += 1 }
    }

    mutating func add(_ other: AddonStatistics) {
        for event in Event.allCases {
            guard let counts = other.byEvent[event] else { continue }
            update(event) { $0.add(counts) }
        }
        lateReplies += other.lateReplies
    }

    private mutating func update(_ event: Event, _ change: (inout PerEvent) -> Void) {
        var counts = byEvent[event] ?? PerEvent()
        change(&counts)
        byEvent[event] = counts
    }

    /// `{event: {count, total_us, max_us, failures, rejected}}`.
    var json: JSONValue {
        .object(
            Event.allCases.compactMap { event in
                byEvent[event].map { JSONValue.Member(event.rawValue, $0.json) }
            }
        )
    }
}
