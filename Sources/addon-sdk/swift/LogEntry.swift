import AddonProtocol

/// An entry of the daemon's log.
public struct LogEntry: Sendable, Equatable {
    /// `debug`, `info`, `warn` or `error`.
    public let level: String
    /// The text of the entry.
    public let message: String
    /// When it was written, in seconds since the epoch.
    public let timestamp: Double
    /// The part of the daemon, or the addon, that wrote it.
    public let source: String
    /// The id of the flow that it is about, if any.
    public let flow: String?

    init(_ json: JSONValue) {
        level = json.text("level")
        message = json.text("msg")
        timestamp = json["timestamp"]?.doubleValue ?? 0
        source = json.text("source")
        flow = json["flow"]?.stringValue
    }
}
