import Glibc

/// Seconds since the epoch.
func secondsSinceEpoch() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// `HH:MM:SS` in the local time zone.
func localTimeOfDay(_ timestamp: Double) -> String {
    var seconds = time_t(exactly: timestamp.rounded(.down)) ?? 0
    var parts = tm()
    localtime_r(&seconds, &parts)
    return [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
}
