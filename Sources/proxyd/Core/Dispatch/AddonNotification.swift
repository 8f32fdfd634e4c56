import AddonProtocol

/// What an addon is told and not asked.
struct AddonNotification: Sendable {
    let method: String
    /// The params, an object without its closing brace.
    let members: [UInt8]
    let trace: TraceContext?

    init(_ method: String, _ members: [UInt8], _ trace: TraceContext? = nil) {
        self.method = method
        self.members = members
        self.trace = trace
    }
}
