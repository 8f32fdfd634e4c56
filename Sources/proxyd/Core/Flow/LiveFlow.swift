import AddonProtocol
import NIOCore

/// A flow of any type, as `LoopContext.flows` and the history hold it; confined to its loop.
protocol LiveFlow: EventSubject, Sendable {
    var id: String { get }
    var control: FlowControl { get }
    /// Grows with each applied change.
    var revision: Int { get }
    /// What `flow.list` tells of the flow.
    var summary: FlowSummary { get }
    /// What filters look at.
    var view: any FilterableFlow { get }
    /// The whole flow, as `flow.get` answers it.
    var snapshot: JSONValue { get }
    /// A body; nil when there is no such part.
    func body(of part: FlowPart) -> Body?
    /// How many bytes of bodies are in memory.
    var heldBytes: Int { get }
    /// Nothing of the flow is on its way any more: what would change that comes too late.
    func close()
    /// Lets the bodies go, and the sizes stay.
    func forgetBodies()
}

/// What of a flow has a body: `part` of `flow.body`.
enum FlowPart: Sendable {
    case request
    case response
    case message(Int)
}

struct FlowSummary: Sendable {
    let created: Double
    let json: JSONValue
}

extension LiveFlow {
    var flowID: String? { id }
    var liveFlow: (any LiveFlow)? { self }
}

extension HTTPFlow: LiveFlow {
    var summary: FlowSummary {
        var members: [JSONValue.Member] = [
            .init("id", .string(id)), .init("type", "http"), .init("state", .string(state.rawValue)),
            .init("method", .string(request.method)), .init("url", JSONValue(bytes: url)),
            .init("status_code", response.map { .integer($0.status) } ?? .null),
            .init("client", .string(clientConnection.peername?.description ?? "")),
            .init("timestamp_created", .number(timestampCreated)), .init("rev", .integer(revision)),
            .init("intercepted", .bool(control.isIntercepted)),
        ]
        let waiting: JSONValue =
            waitingFor.map { ["addon": .string($0.addon), "event": .string($0.event.rawValue)] } ?? .null
        members.append(.init("waiting_for", waiting))
        return FlowSummary(created: timestampCreated, json: .object(members))
    }

    var view: any FilterableFlow { HTTPFlowView(flow: self) }

    /// The whole flow as a value, for callers outside its loop.
    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 2048)
        write(.everything, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }

    func body(of part: FlowPart) -> Body? {
        switch part {
        case .request: request.body
        case .response: response?.body
        case .message: nil
        }
    }

    var heldBytes: Int { request.body.heldBytes + (response?.body.heldBytes ?? 0) }

    func close() {
        state = .done
        requestIsSent = true
        responseIsSent = true
    }

    func forgetBodies() {
        request.body.forget()
        response?.body.forget()
    }
}

extension Body {
    fileprivate var heldBytes: Int { (bytes?.readableBytes ?? 0) + (plain?.readableBytes ?? 0) }

    fileprivate mutating func forget() {
        guard size > 0 else { return }
        bytes = nil
        form = .coded
        isComplete = false
    }
}
