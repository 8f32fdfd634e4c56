import AddonProtocol

/// An HTTP exchange, from the first byte of its request to its last event. Confined to its loop.
final class HTTPFlow: @unchecked Sendable {
    /// What the flow is doing, for `flow.list`.
    enum State: String, Sendable {
        case request, connecting, response, done
    }

    let id: String
    let clientConnection: ConnectionInfo
    @exclusivity(unchecked) var serverConnection: ConnectionInfo?
    @exclusivity(unchecked) var request: HTTPRequest
    /// Where an addon routes the request; nil means where the request says.
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
    /// The addon whose call made the daemon send the request; nil when a client sent it.
    @exclusivity(unchecked) var madeBy: String?
    /// Whether its line on stdout has been printed.
    @exclusivity(unchecked) var isPrinted = false
    /// The addon that the flow is waiting for, and the event.
    @exclusivity(unchecked) var waitingFor: (addon: String, event: Event)?
    /// Whether the head has been sent, so that changes are too late.
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
