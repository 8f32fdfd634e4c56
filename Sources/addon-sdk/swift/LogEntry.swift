import AddonProtocol

/// An entry of the daemon's log.
public struct LogEntry: Sendable, Equatable {
    public let level: String
    public let message: String
    /// In seconds since the epoch.
    public let timestamp: Double
    /// What part of the daemon, or which addon, wrote it.
    public let source: String
    /// The id of the flow it is about.
    public let flow: String?

    init(_ json: JSONValue) {
        level = json.text("level")
        message = json.text("msg")
        timestamp = json["timestamp"]?.doubleValue ?? 0
        source = json.text("source")
        flow = json["flow"]?.stringValue
    }
}
