/// What a filter may look at. Bytes are as on the wire.
public protocol FilterableFlow {
    var kind: FlowKind { get }
    /// nil for flows without requests.
    var method: [UInt8]? { get }
    var url: [UInt8]? { get }
    /// Every name that the server goes by: of the request's target and of its Host field.
    var hosts: [[UInt8]] { get }
    /// nil for flows without requests; otherwise whether there is a response.
    var hasResponse: Bool? { get }
    var status: Int? { get }
    /// The fields as `name: value` lines, each ended by CRLF; nil where there is no such message.
    func headerLines(of side: FilterSide) -> [UInt8]?
    func contentTypes(of side: FilterSide) -> [[UInt8]]
    func bodies(of side: FilterSide) -> FilterBodies
    /// `host:port`.
    var source: String? { get }
    var destination: String? { get }
    var hasError: Bool { get }
    /// Empty when it is not marked.
    var marked: String { get }
    var comment: String { get }
    /// `key: value` lines.
    var metadata: String { get }
    /// `request`, `response`, or nil when the flow is no replay.
    var replay: String? { get }
}

public enum FlowKind: String, CaseIterable, Sendable {
    case http, websocket, tcp, udp, dns
}

public enum FilterSide: Sendable {
    case request, response
}

public enum FilterBodies: Sendable {
    /// Not read yet, or yet to be decoded where that may take its time.
    case unknown
    case known([[UInt8]])
}
