public import AddonProtocol
import Synchronization

/// A piece of a TCP flow's bytes in one direction.
public struct TCPMessage: Sendable, Equatable {
    /// The bytes to forward; when empty, nothing is sent.
    public var content: [UInt8]
    /// Whether the message is dropped.
    public var isDropped: Bool
    /// Whether the client sent it.
    public let isFromClient: Bool
    /// Whether an addon injected it.
    public let isInjected: Bool

    init(_ json: JSONValue) {
        content = json["content"]?.bytesValue ?? []
        isDropped = json["dropped"]?.boolValue ?? false
        isFromClient = json["from_client"]?.boolValue ?? false
        isInjected = json["injected"]?.boolValue ?? false
    }

    func patch(from original: TCPMessage) -> JSONValue? {
        var patch = MergePatch()
        if content != original.content { patch.set("content", JSONValue(bytes: content)) }
        if isDropped != original.isDropped { patch.set("dropped", .bool(isDropped)) }
        return patch.json
    }
}

/// A connection that does not carry HTTP, at an event.
public final class TCPFlow: Sendable {
    private let json: LazyJSON
    private let whole = ReadOnce()
    private let original: TCPMessage?
    private let state: Mutex<State>

    private struct State {
        var message: TCPMessage?
        var action: String?
        var stop = false
    }

    init(_ json: LazyJSON) {
        self.json = json
        original = (json["messages"]?.last?.value).map(TCPMessage.init)
        state = Mutex(State(message: original))
    }

    /// Everything that the daemon sent about the flow, decoded at first use; the properties decode only their parts.
    public var snapshot: JSONValue { whole.read(json) }

    /// The flow's id.
    public var id: String { json.text("id") }

    /// The message at `tcp_message`; nil at other events, where setting it has no effect.
    public var message: TCPMessage? {
        get { state.withLock { $0.message } }
        set { state.withLock { $0.message = newValue } }
    }

    /// Why the flow failed; nil when it has not.
    public var error: String? { json["error"]?["msg"]?.value.stringValue }

    /// The client's address, if it is known.
    public var clientAddress: Address? { (json["client_conn"]?["peername"]?.value).flatMap(Address.init) }

    /// The server's address, if it is known.
    public var serverAddress: Address? { (json["server_conn"]?["address"]?.value).flatMap(Address.init) }

    /// Closes both sides of the flow.
    public func kill() { state.withLock { $0.action = "kill" } }

    /// Holds the flow, once all addons have had the event, until `Daemon.resume(flow:)` or `kill(flow:)`, or until
    /// this addon disconnects.
    public func hold() { state.withLock { $0.action = "hold" } }

    /// Ends the event's chain: the addons after this one get the event as a notification.
    public func stop() { state.withLock { $0.stop = true } }

    /// The reply to the daemon.
    func reply() -> JSONValue {
        let state = state.withLock { $0 }
        var reply = MergePatch()
        if let original, let patch = state.message?.patch(from: original) { reply.set("flow", ["messages": [patch]]) }
        reply.set("action", state.action.map { .string($0) })
        if state.stop { reply.set("stop", true) }
        return reply.json ?? [:]
    }
}
