import AddonProtocol
import NIOCore
import ProxyCodecs

/// The gate for all changes of a WebSocket flow. It checks them on copies, then applies them completely or not at all.
struct WebSocketPatch {
    private let flow: WebSocketFlow
    private let message: WebSocketMessage?
    /// Nil until the patch sets any.
    private var notes: FlowNotes?
    private var type: WebSocketMessage.Kind
    private var content: ByteBuffer
    private var dropped: Bool

    /// Applies the patch of the argument `name`.
    ///
    /// - Parameters:
    /// - message: the message that `messages` of the patch changes; nil when none may change.
    /// - view: the parts of the flow that the addon was sent.
    /// - sent: the argument as it was sent.
    /// - Returns: whether anything changed.
    static func apply(
        _ patch: JSONValue,
        of name: String,
        to flow: WebSocketFlow,
        _ message: WebSocketMessage?,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        guard name == "flow" else { throw PatchRefusal(name, "no such argument; allowed: flow, action, stop") }
        if view.body == .full, let changed = try? attempt(patch, on: flow, message) { return changed }
        // An addon may answer with the whole snapshot, changed in one place.
        let sent = sent()
        guard let changed = patch.pruned(against: sent) else { return false }
        return try attempt(changed, on: flow, message, sent: sent)
    }

    private static func attempt(
        _ patch: JSONValue,
        on flow: WebSocketFlow,
        _ message: WebSocketMessage?,
        sent: JSONValue? = nil
    ) throws(PatchRefusal) -> Bool {
        var gate = WebSocketPatch(flow, message)
        for member in try patch.object(at: "flow") { try gate.apply(member, sent: sent) }
        return gate.commit()
    }

    private init(_ flow: WebSocketFlow, _ message: WebSocketMessage?) {
        self.flow = flow
        self.message = message
        type = message?.type ?? .binary
        content = message?.content ?? ByteBuffer()
        dropped = message?.dropped ?? false
    }

    private func commit() -> Bool {
        let hasNotes = notes.map { $0 != flow.notes } ?? false
        let hasMessage = message.map { $0.type != type || $0.dropped != dropped || $0.content != content } ?? false
        guard hasNotes || hasMessage else { return false }
        flow.revision += 1
        if let notes { flow.notes = notes }
        if hasMessage, let message {
            message.type = type
            message.content = content
            message.dropped = dropped
        }
        return true
    }

    private mutating func apply(_ member: JSONValue.Member, sent: JSONValue?) throws(PatchRefusal) {
        guard member.name == "messages" else {
            var changed = notes ?? flow.notes
            if try changed.apply(member, flow.handshake.limits) {
                notes = changed
                return
            }
            throw Self.readOnly.contains(member.name)
                ? .readOnly("flow." + member.name)
                : PatchRefusal("flow." + member.name, "no such field")
        }
        guard let patches = member.value.arrayValue, patches.count == 1 else {
            throw .wrongType("flow.messages", member.value, allowed: "a list of one patch, for the newest message")
        }
        guard message != nil else {
            throw PatchRefusal("flow.messages", "no message is with the addons now", comesTooLate: true)
        }
        let known = sent?["messages"]?.arrayValue?.first ?? .null
        guard let patch = sent == nil ? patches[0] : patches[0].pruned(against: known) else { return }
        for member in try patch.object(at: "flow.messages") { try applyToMessage(member) }
        guard type == .binary || content.isUTF8 else {
            throw PatchRefusal("flow.messages.content", "the content of a text message must be UTF-8")
        }
    }

    private mutating func applyToMessage(_ member: JSONValue.Member) throws(PatchRefusal) {
        var path: String { "flow.messages." + member.name }
        switch member.name {
        case "content": content = try member.value.byteBuffer(at: path)
        case "dropped": dropped = try member.value.bool(at: path)
        case "type":
            guard let type = WebSocketMessage.Kind(rawValue: try member.value.string(at: path)) else {
                throw PatchRefusal(path, "found \(member.value.shortText); allowed: \"text\", \"binary\"")
            }
            self.type = type
        case "from_client", "timestamp", "injected": throw .readOnly(path)
        default: throw PatchRefusal(path, "no such field")
        }
    }

    private static let readOnly: Set<String> = [
        "id", "type", "client_conn", "server_conn", "error", "intercepted", "is_replay", "timestamp_created", "rev",
        "handshake_flow", "message_count", "closed_by_client", "close_code", "close_reason",
    ]
}
