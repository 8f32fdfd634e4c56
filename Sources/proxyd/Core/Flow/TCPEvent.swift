import AddonProtocol
import NIOCore

/// The subject of a `tcp_*` event: the flow and the event's message. Each direction has its own subject.
final class TCPEvent: EventSubject {
    let flow: TCPFlow
    private(set) var message: TCPMessage?
    /// The message's number in the flow, from 0.
    let index: Int

    init(_ flow: TCPFlow, _ message: TCPMessage? = nil) {
        self.flow = flow
        self.message = message
        index = flow.messageCount - 1
    }

    var flowID: String? { flow.id }
    var liveFlow: (any LiveFlow)? { flow }
    var filterView: (any FilterableFlow)? { TCPFlowView(flow: flow, message: message) }
    var revision: Int { flow.revision }
    var contentByteCount: Int { message?.content.readableBytes ?? 0 }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        flow.write(message, shape, into: &writer)
    }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    func waits(for addon: String?, at event: Event) { flow.waits(for: addon, at: event, self) }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        var change = TCPPatch(notes: flow.notes, message: message, limits: flow.limits)
        guard try change.apply(patch, of: name, view: view, sent: sent) else { return false }
        flow.notes = change.notes
        message = change.message
        flow.revision += 1
        return true
    }

    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? {
        guard named.fields.contains(.messages), var message else {
            return ChangeLog.Excerpt(flow.notes, named.fields)
        }
        message.content = message.content.excerpt
        return ChangeLog.Excerpt(flow.notes, named.fields, .tcp(message))
    }

    func beginTrial() -> (() -> Void)? {
        let (notes, message, revision) = (flow.notes, message, flow.revision)
        return { [self] in
            (flow.notes, flow.revision) = (notes, revision)
            self.message = message
        }
    }
}
