import AddonProtocol

/// A notification to an addon, which needs no answer.
struct AddonNotification: Sendable {
    let method: String
    /// The params, as an object without its closing brace.
    let members: [UInt8]
    let trace: TraceContext?

    init(_ method: String, _ members: [UInt8], _ trace: TraceContext? = nil) {
        self.method = method
        self.members = members
        self.trace = trace
    }
}
