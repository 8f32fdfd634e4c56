import AddonProtocol
import NIOCore

/// A flow of any type, as `LoopContext.flows` and the history hold it; confined to its loop.
protocol LiveFlow: EventSubject, Sendable {
    var id: String { get }
    var clientConnection: ConnectionInfo { get }
    var control: FlowControl { get }
    var notes: FlowNotes { get }
    var failure: HTTPFlow.Failure? { get }
    var timestampCreated: Double { get }
    /// What of the flow is no client's or server's doing.
    var replay: HTTPFlow.Replay? { get }
    /// Grows with each applied change.
    var revision: Int { get }
    /// How many bytes have come from the client, and from the server: of bodies, or of messages.
    var sizes: (request: Int, response: Int?) { get }
    /// How much of its messages it keeps for those who ask.
    var keptMessageBytes: Int { get }
    /// When it ended; nil while it lives.
    var timestampEnded: Double? { get }
    /// What `flow.list` tells of the flow.
    var summary: FlowSummary { get }
    /// What filters look at.
    var view: any FilterableFlow { get }
    /// The whole flow, as `flow.get` answers it.
    var snapshot: JSONValue { get }
    /// A body; nil when there is no such part.
    func body(of part: FlowPart) -> Body?
    /// What of the flow is in memory now.
    var memoryUse: MemoryUse { get }
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

extension LiveFlow {
    /// The whole flow, and how long what took.
    var timedSnapshot: JSONValue {
        guard let http = self as? HTTPFlow else { return snapshot }
        return .object((snapshot.members ?? []) + [.init("timings", http.timings)])
    }

    var flowID: String? { id }
    var liveFlow: (any LiveFlow)? { self }
    var replay: HTTPFlow.Replay? { nil }
    var keptMessageBytes: Int { 0 }

    /// Writes what every flow tells beside its traffic.
    func writeBookkeeping(_ fields: SnapshotFields, into writer: inout JSONWriter) {
        if fields.contains(.error) { writer.failure(failure) }
        if fields.contains(.intercepted) {
            writer.key("intercepted")
            writer.bool(control.isIntercepted)
        }
        notes.write(fields, into: &writer)
        if fields.contains(.isReplay) { writer.field("is_replay", replay?.rawValue) }
        if fields.contains(.timestampCreated) { writer.field("timestamp_created", timestampCreated) }
        guard fields.contains(.revision) else { return }
        writer.key("rev")
        writer.integer(revision)
    }

    /// - Parameter http: the exchange that the flow is, or began with.
    func summary(
        type: JSONValue,
        state: String,
        http: HTTPFlow?,
        client: ConnectionInfo,
        server: ConnectionInfo?,
        waitingFor: (addon: String, event: Event)?
    ) -> FlowSummary {
        let response = http?.response
        let json: JSONValue = [
            "id": .string(id), "type": type, "state": .string(state),
            "method": http.map { .string($0.request.method) } ?? .null,
            "url": http.map { JSONValue(bytes: $0.url) } ?? .null,
            "status_code": response.map { .integer($0.status) } ?? .null,
            "client": .string(client.peername?.description ?? ""),
            "server": server?.address.map { .string($0.description) } ?? .null,
            "is_replay": replay.map { .string($0.rawValue) } ?? .null, "timestamp_created": .number(timestampCreated),
            "rev": .integer(revision), "intercepted": .bool(control.isIntercepted), "held": control.held,
            "waiting_for": waitingFor.map { ["addon": .string($0.addon), "event": .string($0.event.rawValue)] }
                ?? .null,
            "content_type": response?.headers.first("content-type").map { JSONValue(bytes: Array($0)) } ?? .null,
            "request_size": .integer(sizes.request), "response_size": sizes.response.map { .integer($0) } ?? .null,
            "duration": timestampEnded.map { .number(max(0, $0 - timestampCreated)) } ?? .null,
            "error_kind": failure.map { .string($0.error.kind.rawValue) } ?? .null,
            "origin": response.map { .string($0.origin.name) } ?? .null,
            "marked": .string(notes.marked.shortened(toBytes: Limits.listedNoteBytes)),
            "comment": .string(notes.comment.shortened(toBytes: Limits.listedNoteBytes)),
            "changed_by": .array(control.changes.addons.map { .string($0) }),
        ]
        return FlowSummary(place: FlowCursor(created: timestampCreated, id: id), json: json)
    }
}

extension HTTPFlow: LiveFlow {
    var summary: FlowSummary {
        summary(
            type: "http",
            state: state.rawValue,
            http: self,
            client: clientConnection,
            server: serverConnection,
            waitingFor: waitingFor
        )
    }

    var sizes: (request: Int, response: Int?) { (request.body.size, response?.body.size) }

    /// That of what came last: no clock is looked at for it.
    var timestampEnded: Double? {
        guard state == .done else { return nil }
        let ofResponse = response?.timestampEnd ?? response?.timestampStart
        return [ofResponse, failure?.timestamp].compactMap(\.self).max() ?? timestampCreated
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

    var memoryUse: MemoryUse {
        let content = request.body.heldBytes + (response?.body.heldBytes ?? 0)
        return MemoryUse(content: content, notes: notes.byteCount)
    }

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
