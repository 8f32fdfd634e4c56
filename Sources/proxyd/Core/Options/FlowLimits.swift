/// What the options bound of one flow, in bytes if nothing else is said.
struct FlowLimits: Sendable {
    /// The largest body without its content coding.
    let decodedBytes: Int
    /// The largest head that an addon may make, and its most fields: what peers may send.
    let headBytes: Int
    let headFields: Int
    /// All of the metadata, as JSON.
    let metadataBytes: Int

    init(_ options: Options) {
        decodedBytes = options.decodedSizeLimit
        headBytes = options.headSizeLimit
        headFields = options.headFieldsLimit
        metadataBytes = options.metadataLimit
    }

    static let usual = FlowLimits(Options())
}
