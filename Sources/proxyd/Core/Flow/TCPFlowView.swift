import AddonProtocol
import NIOCore

/// A TCP flow as filters see it, with the message of the event.
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
    var metadata: String { flow.notes.metadataLines }

    func headerLines(of side: FilterSide) -> [UInt8]? { nil }
    func contentTypes(of side: FilterSide) -> [[UInt8]] { [] }

    func bodies(of side: FilterSide) -> FilterBodies {
        guard let message else { return .known([]) }
        return FilterBodies(message.content, fromClient: message.fromClient, side)
    }
}
