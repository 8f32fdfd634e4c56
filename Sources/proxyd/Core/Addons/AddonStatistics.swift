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

    private(set) var byEvent: [Event: PerEvent] = [:]
    /// Replies to nothing that waits.
    var lateReplies = 0

    mutating func answered(_ event: Event, after time: TimeAmount) {
        byEvent[event, default: PerEvent()].answered(after: Int(time.nanoseconds / 1000))
    }

    mutating func failed(_ event: Event) {
        byEvent[event, default: PerEvent()].failures += 1
    }

    mutating func rejected(_ event: Event) {
        byEvent[event, default: PerEvent()].rejected += 1
    }

    mutating func add(_ other: AddonStatistics) {
        for (event, counts) in other.byEvent { byEvent[event, default: PerEvent()].add(counts) }
        lateReplies += other.lateReplies
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
