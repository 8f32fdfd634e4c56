import NIOCore

/// Limits repeated notices to one a minute.
struct MinuteNotice: Sendable {
    private static let period = TimeAmount.minutes(1)

    private var said: [String: NIODeadline] = [:]

    /// Whether this notice is due. If so, it counts as given.
    mutating func isDue(_ what: String, now: NIODeadline = .now()) -> Bool {
        if let last = said[what], now - last < Self.period { return false }
        if said.count >= Limits.rememberedNotices { said = said.filter { now - $0.value < Self.period } }
        guard said.count < Limits.rememberedNotices else { return false }
        said[what] = now
        return true
    }
}
