import AddonProtocol

/// One HTTP exchange, from the first byte of its request to its last event; confined to its loop.
final class HTTPFlow: @unchecked Sendable {
    /// What the flow is doing, for `flow.list`.
    enum State: String, Sendable {
        case request, connecting, response, done
    }

    let id: String
    let clientConnection: ConnectionInfo
    @exclusivity(unchecked) var serverConnection: ConnectionInfo?
    @exclusivity(unchecked) var request: HTTPRequest
    /// Where an addon sends the request; nil: where it says.
    @exclusivity(unchecked) var route: Route?
    @exclusivity(unchecked) var response: HTTPResponse?
    @exclusivity(unchecked) var failure: FlowFailure?
    @exclusivity(unchecked) var notes = FlowNotes()
    let timestampCreated: Double
    /// Grows with each applied change.
    @exclusivity(unchecked) var revision = 0
    @exclusivity(unchecked) var state = State.request
    let control = FlowControl()
    @exclusivity(unchecked) var replay: FlowReplay?
    /// The addon at whose call the daemon sends it; nil: a client does.
    @exclusivity(unchecked) var madeBy: String?
    /// Whether stdout has had its line.
    @exclusivity(unchecked) var isPrinted = false
    /// The addon that the flow waits for, and the event.
    @exclusivity(unchecked) var waitingFor: (addon: String, event: Event)?
    /// Whether the head has gone out, so that mutations come too late.
    @exclusivity(unchecked) var requestIsSent = false
    @exclusivity(unchecked) var responseIsSent = false
    @exclusivity(unchecked) var requestStream = StreamMode.off
    @exclusivity(unchecked) var responseStream = StreamMode.off
    @exclusivity(unchecked) var limits = FlowLimits.usual

    init(id: String, clientConnection: ConnectionInfo, request: HTTPRequest) {
        self.id = id
        self.clientConnection = clientConnection
        self.request = request
        timestampCreated = request.timestampStart
    }

    var url: [UInt8] { request.url }
}
