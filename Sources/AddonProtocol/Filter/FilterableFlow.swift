/// What filters can look at. Bytes are as on the wire.
public protocol FilterableFlow {
    var kind: FlowKind { get }
    /// Nil for flows without requests.
    var method: [UInt8]? { get }
    var url: [UInt8]? { get }
    /// Every name of the server, from the request's target and from its Host field.
    var hosts: [[UInt8]] { get }
    /// Whether there is a response; nil for flows without requests.
    var hasResponse: Bool? { get }
    var status: Int? { get }
    /// The fields as `name: value` lines, each ended by CRLF; nil when there is no such message.
    func headerLines(of side: FilterSide) -> [UInt8]?
    func contentTypes(of side: FilterSide) -> [[UInt8]]
    func bodies(of side: FilterSide) -> FilterBodies
    /// The client's address, as `host:port`.
    var source: String? { get }
    var destination: String? { get }
    var hasError: Bool { get }
    /// The mark; empty when there is none.
    var marked: String { get }
    var comment: String { get }
    /// The metadata, as `key: value` lines.
    var metadata: String { get }
    /// `request`, `response`, or nil when the flow is not a replay.
    var replay: String? { get }
}

/// The types of flows, by their names in snapshots.
public enum FlowKind: String, CaseIterable, Sendable {
    case http, websocket, tcp, udp, dns
}

/// One direction of a flow.
public enum FilterSide: Sendable {
    case request, response
}

/// The bodies of one direction.
public enum FilterBodies: Sendable {
    /// Not read yet, or not decoded yet because that may take long.
    case unknown
    case known([[UInt8]])
}
