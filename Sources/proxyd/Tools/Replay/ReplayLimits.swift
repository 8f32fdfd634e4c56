import AddonProtocol

/// How large a response of an addon the daemon accepts, by the daemon's options.
struct ReplayLimits: Sendable, Equatable {
    /// The largest message to the daemon, in bytes.
    var frameBytes = FrameDecoder.defaultMaximumFrameBytes
    var headFields = Int.max
    var headBytes = Int.max

    /// Applies the options that `configure` reports.
    mutating func apply(_ options: [String: JSONValue]) {
        frameBytes = options["frame_size_limit"]?.intValue ?? frameBytes
        headFields = options["head_fields_limit"]?.intValue ?? headFields
        headBytes = options["head_size_limit"]?.intValue ?? headBytes
    }
}
