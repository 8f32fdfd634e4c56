import AddonProtocol
import NIOCore

/// The subject of a `tcp_*` event: the flow, and the message that the event is about. Each direction has its own.
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
        guard name == "flow" else { throw PatchRefusal(name, "no such argument; allowed: flow, action, stop") }
        if view.body == .full, let changed = try? attempt(patch, sent: nil) { return changed }
        // An addon may answer with the whole snapshot, changed in one place.
        return try attempt(patch, sent: sent())
    }

    private func attempt(_ patch: JSONValue, sent: JSONValue?) throws(PatchRefusal) -> Bool {
        var notes = flow.notes
        var message = message
        for member in try patch.object(at: "flow") {
            if try notes.apply(member, flow.limits) { continue }
            switch member.name {
            case "messages": try Self.apply(member.value, to: &message, sent: sent?["messages"])
            case _ where member.value.pruned(against: sent?[member.name] ?? .null) == nil: break
            case _ where sent?[member.name] != nil: throw .readOnly("flow." + member.name)
            default:
                throw PatchRefusal("flow." + member.name, "no such field; allowed: messages, marked, comment, metadata")
            }
        }
        let isSame =
            notes == flow.notes && message?.content == self.message?.content
            && message?.dropped == self.message?.dropped
        guard !isSame else { return false }
        flow.notes = notes
        self.message = message
        flow.revision += 1
        return true
    }

    func excerpt(of fields: SnapshotFields) -> ChangeLog.Excerpt? {
        guard fields.contains(.messages), var message else { return ChangeLog.Excerpt(flow.notes, fields) }
        message.content = message.content.excerpt
        return ChangeLog.Excerpt(flow.notes, fields, .tcp(message))
    }

    func beginTrial() -> (() -> Void)? {
        let (notes, message, revision) = (flow.notes, message, flow.revision)
        return { [self] in
            (flow.notes, flow.revision) = (notes, revision)
            self.message = message
        }
    }

    private static func apply(
        _ patch: JSONValue,
        to message: inout TCPMessage?,
        sent: JSONValue?
    ) throws(PatchRefusal) {
        let path = "flow.messages"
        guard patch.pruned(against: sent ?? .null) != nil else { return }
        guard message != nil else {
            throw PatchRefusal(path, "no message is before the addons now", comesTooLate: true)
        }
        guard let patches = patch.arrayValue, patches.count == 1 else {
            throw PatchRefusal(path, "found \(patch.shortText); allowed: a list with the patch of the one message")
        }
        let current = sent?.arrayValue?.first ?? .null
        guard let changes = patches[0].pruned(against: current) else { return }
        for member in try changes.object(at: path + "[0]") {
            var place: String { "\(path)[0].\(member.name)" }
            switch member.name {
            case "content": message?.content = try member.value.byteBuffer(at: place)
            case "dropped": message?.dropped = try member.value.bool(at: place)
            default:
                throw current[member.name] != nil
                    ? .readOnly(place) : PatchRefusal(place, "no such field; allowed: content, dropped")
            }
        }
    }
}
