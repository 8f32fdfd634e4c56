import NIOCore

/// What is said again and again is said once a minute.
struct MinuteNotice: Sendable {
    private static let period = TimeAmount.minutes(1)

    private var said: [String: NIODeadline] = [:]

    /// Whether this has not been said for a minute; then it counts as said.
    mutating func isDue(_ what: String, now: NIODeadline = .now()) -> Bool {
        if let last = said[what], now - last < Self.period { return false }
        if said.count >= Limits.rememberedNotices { said = said.filter { now - $0.value < Self.period } }
        guard said.count < Limits.rememberedNotices else { return false }
        said[what] = now
        return true
    }
}
