import AddonProtocol
import NIOCore

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

    /// The time of the last part that arrived, which saves a look at the clock.
    var timestampEnded: Double? {
        guard state == .done else { return nil }
        let ofResponse = response?.timestampEnd ?? response?.timestampStart
        return [ofResponse, failure?.timestamp].compactMap(\.self).max() ?? timestampCreated
    }

    var view: any FilterableFlow { HTTPFlowView(flow: self) }
    var requestHeaders: HeaderFields? { request.headers }
    var memoryKind: MemoryLedger.Kind { .bodies }

    /// The URL, or the path of a request that names no destination.
    var loggedTarget: String {
        let target = request.host.isEmpty ? request.path : url
        return String(decoding: target, as: UTF8.self).shortened(toBytes: Limits.loggedURLBytes)
    }

    /// The complete flow as a value, for callers on other loops.
    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 2048)
        write(.everything, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }

    func writeTimed(into writer: inout JSONWriter) {
        writer.key("flow")
        write(.everything, timings: timings, into: &writer)
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

extension HTTPFlow: EventSubject {
    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        write(shape, into: &writer)
    }

    var contentByteCount: Int { control.counted.content }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        guard name == "flow" else { throw PatchRefusal(name, "no such argument; allowed: flow, action, stop") }
        return try FlowPatch.apply(patch, to: self, by: addon, view: view, sent: sent)
    }

    func waits(for addon: String?, at event: Event) {
        waitingFor = addon.map { ($0, event) }
    }

    func beginTrial() -> (() -> Void)? {
        let (request, response, notes, revision) = (request, response, notes, revision)
        let (route, replay) = (route, replay)
        let (requestStream, responseStream) = (requestStream, responseStream)
        let (requestIsSent, responseIsSent) = (requestIsSent, responseIsSent)
        (self.requestIsSent, self.responseIsSent) = (false, false)
        return {
            (self.request, self.response, self.notes, self.revision) = (request, response, notes, revision)
            (self.route, self.replay) = (route, replay)
            (self.requestStream, self.responseStream) = (requestStream, responseStream)
            (self.requestIsSent, self.responseIsSent) = (requestIsSent, responseIsSent)
        }
    }
}
