/// The delays before restarts of a spawned addon: 1, 2, 4 … 60 s, and 1 s again once it has run for 60 s.
package struct RestartBackoff: Sendable, Equatable {
    static let longest = Duration.seconds(60)
    /// An addon that ran this long counts as healthy.
    static let healthy = Duration.seconds(60)

    private var next = Duration.seconds(1)

    /// Creates a backoff that starts at 1 s.
    package init() {}

    /// The delay after the addon ran for `uptime`.
    package mutating func delay(afterUptime uptime: Duration) -> Duration {
        if uptime >= Self.healthy { next = .seconds(1) }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
