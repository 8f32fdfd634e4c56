import NIOCore

/// A rate limit on log entries per source, so that no source drowns out the others.
struct LogRates: Sendable {
    private struct Second {
        var began: NIODeadline
        var entries = 0
        var leftOut = 0
    }

    private static let second = TimeAmount.seconds(1)
    /// How many sources are tracked; all others share one count.
    private static let rememberedSources = 1024

    private var seconds: [String: Second] = [:]

    /// What happens to an entry.
    enum Verdict: Equatable {
        /// - Parameter leftOut: how many of the source's entries were dropped before it.
        case shown(leftOut: Int)
        /// The entry is dropped; `isFirst` when it is the first since the last one shown.
        case leftOut(isFirst: Bool)
    }

    /// Counts an entry, and says what happens to it.
    mutating func judge(_ source: String, at now: NIODeadline) -> Verdict {
        if seconds.count >= Self.rememberedSources { forget(at: now) }
        let source = seconds[source] == nil && seconds.count >= Self.rememberedSources ? "" : source
        var present = seconds[source] ?? Second(began: now)
        defer { seconds[source] = present }
        guard now - present.began < Self.second else {
            let leftOut = present.leftOut
            present = Second(began: now, entries: 1)
            return .shown(leftOut: leftOut)
        }
        present.entries += 1
        guard present.entries > Limits.logEntriesPerSecond else { return .shown(leftOut: 0) }
        present.leftOut += 1
        return .leftOut(isFirst: present.leftOut == 1)
    }

    /// Removes the sources whose second is over and that had entries dropped, and returns their counts.
    mutating func takeLeftOut(at now: NIODeadline) -> [(source: String, count: Int)] {
        let over = seconds.filter { $0.value.leftOut > 0 && now - $0.value.began >= Self.second }
        for source in over.keys { seconds[source] = nil }
        return over.map { ($0.key, $0.value.leftOut) }.sorted { $0.0 < $1.0 }
    }

    private mutating func forget(at now: NIODeadline) {
        seconds = seconds.filter { $0.value.leftOut > 0 || now - $0.value.began < Self.second }
    }
}
