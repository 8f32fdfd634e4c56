import AddonProtocol

/// How large a response the daemon takes of an addon, as the daemon's own options say.
struct ReplayLimits: Sendable, Equatable {
    /// Of a message to the daemon.
    var frameBytes = FrameDecoder.defaultMaximumFrameBytes
    var headFields = Int.max
    var headBytes = Int.max

    /// Takes what `configure` tells.
    mutating func apply(_ options: [String: JSONValue]) {
        frameBytes = options["frame_size_limit"]?.intValue ?? frameBytes
        headFields = options["head_fields_limit"]?.intValue ?? headFields
        headBytes = options["head_size_limit"]?.intValue ?? headBytes
    }
}
