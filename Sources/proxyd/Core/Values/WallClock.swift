import Glibc

/// The current time in seconds since the epoch, rounded to microseconds: a double is hardly more precise, and the text
/// is short.
func secondsSinceEpoch() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec * 1_000_000 + now.tv_nsec / 1000) / 1e6
}

extension Double {
    /// How many milliseconds ago this time was; 0 if the clock has been set back since.
    var millisecondsAgo: Int { Int(max(0, (secondsSinceEpoch() - self) * 1000)) }
}

/// `HH:MM:SS` in the local time zone.
func localTimeOfDay(_ timestamp: Double) -> String {
    var seconds = time_t(exactly: timestamp.rounded(.down)) ?? 0
    var parts = tm()
    localtime_r(&seconds, &parts)
    return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
}
