/// A copy of what filters can look at, so that another thread can run filters on it.
public struct FilterableCopy: FilterableFlow, Sendable {
    public let kind: FlowKind
    public let method: [UInt8]?
    public let url: [UInt8]?
    public let hosts: [[UInt8]]
    public let hasResponse: Bool?
    public let status: Int?
    public let source: String?
    public let destination: String?
    public let hasError: Bool
    public let marked: String
    public let comment: String
    public let metadata: String
    public let replay: String?
    private let request: MessageCopy
    private let response: MessageCopy

    private struct MessageCopy: Sendable {
        let headerLines: [UInt8]?
        let contentTypes: [[UInt8]]
        let bodies: FilterBodies

        init(_ side: FilterSide, of flow: some FilterableFlow) {
            headerLines = flow.headerLines(of: side)
            contentTypes = flow.contentTypes(of: side)
            bodies = flow.bodies(of: side)
        }
    }

    /// Copies everything that filters can look at.
    public init(_ flow: some FilterableFlow) {
        kind = flow.kind
        method = flow.method
        url = flow.url
        hosts = flow.hosts
        hasResponse = flow.hasResponse
        status = flow.status
        source = flow.source
        destination = flow.destination
        hasError = flow.hasError
        marked = flow.marked
        comment = flow.comment
        metadata = flow.metadata
        replay = flow.replay
        request = MessageCopy(.request, of: flow)
        response = MessageCopy(.response, of: flow)
    }

    private func message(_ side: FilterSide) -> MessageCopy { side == .request ? request : response }

    public func headerLines(of side: FilterSide) -> [UInt8]? { message(side).headerLines }
    public func contentTypes(of side: FilterSide) -> [[UInt8]] { message(side).contentTypes }
    public func bodies(of side: FilterSide) -> FilterBodies { message(side).bodies }
}
