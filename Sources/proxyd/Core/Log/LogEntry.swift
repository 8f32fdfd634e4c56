import AddonProtocol

/// One entry of the daemon's log, as the event `log` carries it and stderr shows it.
package struct LogEntry: Sendable, Equatable {
    /// How severe it is.
    package var level: LogLevel
    /// The text.
    package var msg: String
    /// Seconds since the epoch.
    package var timestamp: Double
    /// The source: `proxyd`, or `addon:NAME`.
    package var source: String
    /// The id of the flow that it concerns.
    package var flow: String?

    /// Creates an entry, by default from the daemon and about no flow.
    package init(
        level: LogLevel,
        msg: String,
        timestamp: Double,
        source: String = Self.daemonSource,
        flow: String? = nil
    ) {
        self.level = level
        self.msg = msg.shortened(toBytes: Limits.logLineBytes)
        self.timestamp = timestamp
        self.source = source
        self.flow = flow
    }

    /// The source of the daemon's own entries.
    package static let daemonSource = "proxyd"

    /// The line on stderr, such as `12:00:01 warn  addon blocklist: cannot read the list`, in local time.
    package var line: String {
        let level = level.rawValue.padding(to: 5)
        let speaker = source == Self.daemonSource ? "" : source.replacing(":", with: " ", maxReplacements: 1) + ": "
        return "\(localTimeOfDay(timestamp)) \(level) \(escapedForTerminal(speaker + msg))"
            .shortened(toBytes: Limits.logLineBytes)
    }
}

extension String {
    /// The text, cut with `…` if it does not fit.
    func shortened(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit - "…".utf8.count)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return self[..<end] + "…"
    }

    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
