import AddonProtocol
import NIOCore

/// A WebSocket flow as filters see it: its handshake, and the message of the event.
struct WebSocketFlowView: FilterableFlow {
    let flow: WebSocketFlow
    let message: WebSocketMessage?
    /// Whether the message is still to come, so that its content is unknown.
    var isAwaiting = false

    private var handshake: HTTPFlowView { HTTPFlowView(flow: flow.handshake) }

    var kind: FlowKind { .websocket }
    var method: [UInt8]? { handshake.method }
    var url: [UInt8]? { handshake.url }
    var hosts: [[UInt8]] { handshake.hosts }
    var hasResponse: Bool? { handshake.hasResponse }
    var status: Int? { handshake.status }
    var source: String? { handshake.source }
    var destination: String? { handshake.destination }
    var hasError: Bool { flow.failure != nil }
    var marked: String { flow.notes.marked }
    var comment: String { flow.notes.comment }
    var replay: String? { nil }
    var metadata: String { flow.notes.metadataLines }

    func headerLines(of side: FilterSide) -> [UInt8]? { handshake.headerLines(of: side) }
    func contentTypes(of side: FilterSide) -> [[UInt8]] { handshake.contentTypes(of: side) }

    func bodies(of side: FilterSide) -> FilterBodies {
        if isAwaiting { return .unknown }
        guard let message else { return .known([]) }
        return FilterBodies(message.content, fromClient: message.fromClient, side)
    }
}
