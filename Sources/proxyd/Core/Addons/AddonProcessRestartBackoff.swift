/// How long to wait before a spawned addon is started again: 1, 2, 4 … 60 s, and 1 s again once it ran for 60 s.
package struct RestartBackoff: Sendable, Equatable {
    static let longest = Duration.seconds(60)
    /// An addon that ran this long was well.
    static let healthy = Duration.seconds(60)

    private var next = Duration.seconds(1)

    package init() {}

    /// The wait after an addon ended that had run for `uptime`.
    package mutating func delay(afterUptime uptime: Duration) -> Duration {
        if uptime >= Self.healthy { next = .seconds(1) }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
