import AddonProtocol
import NIOCore

/// A TCP flow as filters see it; of its messages the one that an event is about.
struct TCPFlowView: FilterableFlow {
    let flow: TCPFlow
    let message: TCPMessage?

    var kind: FlowKind { .tcp }
    var method: [UInt8]? { nil }
    var url: [UInt8]? { nil }
    var hosts: [[UInt8]] { (flow.serverConnection.address?.host).map { [Array($0.utf8)] } ?? [] }
    var hasResponse: Bool? { nil }
    var status: Int? { nil }
    var source: String? { flow.clientConnection.peername?.description }
    var destination: String? { flow.serverConnection.address?.description }
    var hasError: Bool { flow.failure != nil }
    var marked: String { flow.notes.marked }
    var comment: String { flow.notes.comment }
    var replay: String? { nil }

    var metadata: String {
        flow.notes.metadata.map { "\($0.name): \($0.value.stringValue ?? $0.value.text)" }.joined(separator: "\n")
    }

    func headerLines(of side: FilterSide) -> [UInt8]? { nil }
    func contentTypes(of side: FilterSide) -> [[UInt8]] { [] }

    /// What the client sends counts as the request's, what the server sends as the response's.
    func bodies(of side: FilterSide) -> FilterBodies {
        guard let message, message.fromClient == (side == .request) else { return .known([]) }
        guard message.content.readableBytes <= Limits.filteredBodyBytes else { return .unknown }
        return .known([Array(message.content.readableBytesView)])
    }
}
