import AddonProtocol
import NIOCore

/// A flow of any type, as `FlowLoop.flows` and the history hold it; confined to its loop.
protocol LiveFlow: EventSubject, Sendable {
    var id: String { get }
    var clientConnection: ConnectionInfo { get }
    var control: FlowControl { get }
    var notes: FlowNotes { get }
    var failure: FlowFailure? { get }
    var timestampCreated: Double { get }
    /// What of the flow is no client's or server's doing.
    var replay: FlowReplay? { get }
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
    /// The whole flow.
    var snapshot: JSONValue { get }
    /// Writes the whole flow as the member `flow`: with how long what took, where that is known.
    func writeTimed(into writer: inout JSONWriter)
    /// The fields of the request that the flow is, or began with.
    var requestHeaders: HeaderFields? { get }
    /// Where it goes, for the log: a URL or a server.
    var loggedTarget: String { get }
    /// As what its content counts in memory.
    var memoryKind: MemoryLedger.Kind { get }
    /// A body; nil when there is no such part.
    func body(of part: FlowPart) -> Body?
    /// What of the flow is in memory now.
    var memoryUse: MemoryUse { get }
    /// Nothing of the flow is on its way any more: what would change that comes too late.
    func close()
    /// Lets the bodies go, and the sizes stay.
    func forgetBodies()
}

/// Why a flow ended without its response, and when.
struct FlowFailure: Sendable {
    var error: FlowError
    var timestamp: Double
}

/// What of a flow is no client's or server's doing: `is_replay`.
enum FlowReplay: String, Sendable {
    case request, response
}

/// What of a flow has a body: `part` of `flow.body`.
enum FlowPart: Sendable {
    case request
    case response
    case message(Int)
}

extension LiveFlow {
    var requestHeaders: HeaderFields? { nil }
    var memoryKind: MemoryLedger.Kind { .messages }

    func writeTimed(into writer: inout JSONWriter) { writeArguments(.everything, into: &writer) }

    /// The flow as an entry of the log names it.
    var logged: String { loggedTarget.isEmpty ? "flow \(id)" : "flow \(id) \(loggedTarget)" }

    var flowID: String? { id }
    var liveFlow: (any LiveFlow)? { self }
    var replay: FlowReplay? { nil }
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
}

extension JSONWriter {
    /// Why a flow failed, as its member `error`.
    fileprivate mutating func failure(_ failure: FlowFailure?) {
        key("error")
        guard let failure else { return null() }
        beginObject()
        field("msg", failure.error.message)
        field("timestamp", failure.timestamp)
        field("kind", failure.error.kind.rawValue)
        endObject()
    }
}
