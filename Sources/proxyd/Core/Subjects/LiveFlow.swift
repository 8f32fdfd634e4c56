import AddonProtocol
import NIOCore

/// A flow of any type, as `FlowLoop.flows` and the history hold it. Confined to its loop.
protocol LiveFlow: EventSubject, Sendable {
    var id: String { get }
    var clientConnection: ConnectionInfo { get }
    var control: FlowControl { get }
    var notes: FlowNotes { get }
    var failure: FlowFailure? { get }
    var timestampCreated: Double { get }
    /// Which part of the flow is replayed, if any.
    var replay: FlowReplay? { get }
    /// Grows with each applied change.
    var revision: Int { get }
    /// How many bytes the client and the server have sent: of bodies, or of messages.
    var sizes: (request: Int, response: Int?) { get }
    /// How many bytes of its messages it keeps for later requests.
    var keptMessageBytes: Int { get }
    /// When it ended; nil while it is active.
    var timestampEnded: Double? { get }
    /// What `flow.list` shows of the flow.
    var summary: FlowSummary { get }
    /// What filters match against.
    var view: any FilterableFlow { get }
    /// The complete flow.
    var snapshot: JSONValue { get }
    /// The whole flow as `flow.get` answers it: with how long what took, where that is known.
    var timedSnapshot: JSONValue { get }
    /// The fields of the request that the flow is, or began with.
    var requestHeaders: HeaderFields? { get }
    /// Its destination, for the log: a URL or a server.
    var loggedTarget: String { get }
    /// The kind of memory that its content counts as.
    var memoryKind: MemoryLedger.Kind { get }
    /// A body; nil when the flow has no such part.
    func body(of part: FlowPart) -> Body?
    /// What the flow keeps in memory now.
    var memoryUse: MemoryUse { get }
    /// Ends all traffic of the flow. Later changes to the traffic are refused as too late.
    func close()
    /// Frees the bodies but keeps their sizes.
    func forgetBodies()
}

/// Why a flow ended without a response, and when.
struct FlowFailure: Sendable {
    var error: FlowError
    var timestamp: Double
}

/// Which part of a flow comes from a replay instead of a client or server: `is_replay`.
enum FlowReplay: String, Sendable {
    case request, response
}

/// Which body of a flow: `part` of `flow.body`.
enum FlowPart: Sendable {
    case request
    case response
    case message(Int)
}

extension LiveFlow {
    var timedSnapshot: JSONValue { snapshot }
    var requestHeaders: HeaderFields? { nil }
    var memoryKind: MemoryLedger.Kind { .messages }

    /// The flow as an entry of the log names it.
    var logged: String { loggedTarget.isEmpty ? "flow \(id)" : "flow \(id) \(loggedTarget)" }

    var flowID: String? { id }
    var liveFlow: (any LiveFlow)? { self }
    var replay: FlowReplay? { nil }
    var keptMessageBytes: Int { 0 }

    /// Writes what every flow shows besides its traffic.
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
    /// Writes why a flow failed, as the member `error`.
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
