import AddonProtocol
import NIOCore

extension WebSocketFlow: LiveFlow {
    var summary: FlowSummary {
        summary(
            type: "websocket",
            state: injector == nil ? "done" : "open",
            http: handshake,
            client: clientConnection,
            server: handshake.serverConnection,
            waitingFor: waitingFor
        )
    }

    var view: any FilterableFlow { WebSocketFlowView(flow: self, message: newest) }
    var requestHeaders: HeaderFields? { handshake.request.headers }
    var loggedTarget: String { handshake.loggedTarget }

    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 4096)
        write(.everything, newest, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }

    var sizes: (request: Int, response: Int?) { (byteCounts.fromClient, byteCounts.fromServer) }

    /// Messages are numbered from 0. Available are the newest, and those that are kept.
    func body(of part: FlowPart) -> Body? {
        switch part {
        case .request: return handshake.request.body
        case .response: return handshake.response?.body
        case .message(let index):
            if let newest, index == messageCount - 1 { return .whole(newest.content) }
            return kept[index].map { .whole($0.content) }
        }
    }

    var memoryUse: MemoryUse {
        var content = kept.byteCount + (newest?.content.readableBytes ?? 0)
        for message in pending where message !== newest { content += message.content.readableBytes }
        return MemoryUse(content: content, notes: notes.byteCount)
    }

    func close() {
        injector = nil
        timestampEnded = timestampEnded ?? secondsSinceEpoch()
    }

    func forgetBodies() {
        newest = nil
        kept = KeptMessages()
    }
}

extension WebSocketFlow: EventSubject {
    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        write(shape, newest, into: &writer)
    }

    var contentByteCount: Int { control.counted.content }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    /// Only messages that are with the addons may change.
    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        try WebSocketPatch.apply(patch, of: name, to: self, pending.last, view: view, sent: sent)
    }

    func waits(for addon: String?, at event: Event) {
        waitingFor = addon.map { ($0, event) }
    }

    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? { excerpt(of: named.fields, pending.last) }

    func excerpt(of fields: SnapshotFields, _ message: WebSocketMessage?) -> ChangeLog.Excerpt {
        guard fields.contains(.messages), let message else { return ChangeLog.Excerpt(notes, fields) }
        return ChangeLog.Excerpt(notes, fields, .webSocket(message.fields.excerpt))
    }

    func beginTrial() -> (() -> Void)? { beginTrial(pending.last) }

    func beginTrial(_ message: WebSocketMessage?) -> () -> Void {
        let (notes, revision) = (notes, revision)
        let kept = message.map { ($0.type, $0.content, $0.dropped) }
        return {
            (self.notes, self.revision) = (notes, revision)
            if let message, let kept { (message.type, message.content, message.dropped) = kept }
        }
    }
}

/// The subject of `websocket_message`. It has its own message, since the other direction may be sending one, too.
final class WebSocketMessageEvent: EventSubject {
    private let flow: WebSocketFlow
    private let message: WebSocketMessage

    init(_ flow: WebSocketFlow, _ message: WebSocketMessage) {
        self.flow = flow
        self.message = message
    }

    var flowID: String? { flow.id }
    var liveFlow: (any LiveFlow)? { flow }
    var filterView: (any FilterableFlow)? { WebSocketFlowView(flow: flow, message: message) }
    var revision: Int { flow.revision }
    var contentByteCount: Int { message.content.readableBytes }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        flow.write(shape, message, into: &writer)
    }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        try WebSocketPatch.apply(patch, of: name, to: flow, message, view: view, sent: sent)
    }

    func waits(for addon: String?, at event: Event) { flow.waits(for: addon, at: event) }

    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? { flow.excerpt(of: named.fields, message) }

    func beginTrial() -> (() -> Void)? { flow.beginTrial(message) }
}
