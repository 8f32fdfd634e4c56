public import AddonProtocol
import Synchronization

/// A WebSocket connection at an event. Changes are sent to the daemon when the handler returns.
public final class WebSocketFlow: Sendable {
    private let json: LazyJSON
    private let whole = ReadOnce()
    /// The newest message.
    private let message: LazyJSON
    private let state = Mutex(State())

    private struct Replacement {
        let type: String
        let content: JSONValue
    }

    private struct State {
        var replacement: Replacement?
        var isDropped = false
        var action: String?
        var stop = false
    }

    init(_ json: LazyJSON) {
        self.json = json
        message = json["messages"]?.last ?? .null
    }

    /// Everything that the daemon sent about the flow, decoded at first use; the properties decode only their parts.
    public var snapshot: JSONValue { whole.read(json) }

    /// The flow's id.
    public var id: String { json.text("id") }

    /// The opening handshake, read-only.
    public var handshake: HTTPFlow { HTTPFlow(json["handshake_flow"] ?? .null) }

    /// Why the connection ended abnormally; nil if it did not.
    public var error: String? { json["error"]?["msg"]?.value.stringValue }

    /// The code of the first close frame, 1005 if it had none, 1006 if there was none; nil until the end.
    public var closeCode: Int? { json["close_code"]?.value.intValue }

    /// Whether the client sent the message; valid at `websocket_message`.
    public var isFromClient: Bool { message["from_client"]?.value.boolValue ?? false }
    /// Whether the message is text rather than binary.
    public var isText: Bool { type == "text" }
    /// Whether an addon injected the message.
    public var isInjected: Bool { message["injected"]?.value.boolValue ?? false }

    /// The message's bytes as received.
    public var content: [UInt8] { message["content"]?.value.bytesValue ?? [] }

    /// The message as text; bytes that are not UTF-8 read as U+FFFD.
    public var contentText: String { message.text("content") }

    /// Sends this text in place of the message.
    public func replaceMessage(text: String) { replace(Replacement(type: "text", content: .string(text))) }

    /// Sends these bytes in place of the message, as a binary message.
    public func replaceMessage(binary: [UInt8]) {
        replace(Replacement(type: "binary", content: JSONValue(bytes: binary)))
    }

    private func replace(_ replacement: Replacement) { state.withLock { $0.replacement = replacement } }

    /// Drops the message.
    public func dropMessage() { state.withLock { $0.isDropped = true } }

    /// Closes both sides of the flow.
    public func kill() { state.withLock { $0.action = "kill" } }

    /// Holds the flow, once all addons have had the event, until it is resumed or killed.
    public func hold() { state.withLock { $0.action = "hold" } }

    /// Ends the event's chain: the addons after this one get the event as a notification.
    public func stop() { state.withLock { $0.stop = true } }

    /// The reply to the daemon.
    func reply() -> JSONValue {
        state.withLock { state in
            var reply = MergePatch()
            reply.set("flow", patch(state).map { .object([.init("messages", .array([$0]))]) })
            reply.set("action", state.action.map { .string($0) })
            if state.stop { reply.set("stop", true) }
            return reply.json ?? [:]
        }
    }

    private var type: String? { message["type"]?.value.stringValue }

    /// The changes to the message; nil when there are none.
    private func patch(_ state: State) -> JSONValue? {
        var patch = MergePatch()
        if let replacement = state.replacement {
            if replacement.type != type { patch.set("type", .string(replacement.type)) }
            patch.set("content", replacement.content)
        }
        if state.isDropped { patch.set("dropped", true) }
        return patch.json
    }
}

extension Daemon {
    /// Sends a text message of the addon's own; false when the flow has ended.
    @discardableResult
    public func injectWebSocket(flow id: String, toClient: Bool, text: String) async throws -> Bool {
        try await inject(id, toClient, "text", .string(text))
    }

    /// Sends a binary message of the addon's own; false when the flow has ended.
    @discardableResult
    public func injectWebSocket(flow id: String, toClient: Bool, binary: [UInt8]) async throws -> Bool {
        try await inject(id, toClient, "binary", JSONValue(bytes: binary))
    }

    private func inject(_ id: String, _ toClient: Bool, _ type: JSONValue, _ content: JSONValue) async throws -> Bool {
        let params: JSONValue = ["flow": .string(id), "to_client": .bool(toClient), "type": type, "content": content]
        return try await call(.injectWebSocket, params)["applied"]?.boolValue ?? false
    }
}
