import AddonProtocol

/// One HTTP exchange, from the first byte of its request to its last event; confined to its loop.
final class HTTPFlow: @unchecked Sendable {
    /// What the flow is doing, for `flow.list`.
    enum State: String, Sendable {
        case request, connecting, response, done
    }

    /// What of the flow is no client's or server's doing: `is_replay`.
    enum Replay: String, Sendable {
        case request, response
    }

    struct Failure: Sendable {
        var error: FlowError
        var timestamp: Double
    }

    let id: String
    let clientConnection: ConnectionInfo
    var serverConnection: ConnectionInfo?
    var request: HTTPRequest
    var response: HTTPResponse?
    var failure: Failure?
    var notes = FlowNotes()
    let timestampCreated: Double
    /// Grows with each applied change.
    var revision = 0
    var state = State.request
    let control = FlowControl()
    var replay: Replay?
    /// The addon whose request it is; nil: a client's, or a replay.
    var madeBy: String?
    /// Whether stdout has had its line.
    var isPrinted = false
    /// The addon that the flow waits for, and the event.
    var waitingFor: (addon: String, event: Event)?
    /// Whether the head has gone out, so that mutations come too late.
    var requestIsSent = false
    var responseIsSent = false
    var requestStream = StreamMode.off
    var responseStream = StreamMode.off
    var limits = FlowLimits.usual

    init(id: String, clientConnection: ConnectionInfo, request: HTTPRequest) {
        self.id = id
        self.clientConnection = clientConnection
        self.request = request
        timestampCreated = request.timestampStart
    }

    var url: [UInt8] { request.url }
}
