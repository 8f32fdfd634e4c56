/// The limits that the options set for one flow, in bytes unless noted.
struct FlowLimits: Sendable {
    /// The largest body after its content coding is removed.
    let decodedBytes: Int
    /// The largest head that an addon may create, and its most fields; the same limits hold for peers.
    let headBytes: Int
    let headFields: Int
    /// All metadata together, encoded as JSON.
    let metadataBytes: Int

    init(_ options: Options) {
        decodedBytes = options.decodedSizeLimit
        headBytes = options.headSizeLimit
        headFields = options.headFieldsLimit
        metadataBytes = options.metadataLimit
    }

    static let usual = FlowLimits(Options())
}
