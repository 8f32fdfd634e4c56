public import AddonProtocol
import Synchronization

/// Bytes of one direction of a TCP flow.
public struct TCPMessage: Sendable, Equatable {
    /// What goes on; none is not sent.
    public var content: [UInt8]
    /// Whether nothing is sent.
    public var isDropped: Bool
    public let isFromClient: Bool
    /// Whether an addon made it.
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

/// A connection that carries no HTTP, as it is at an event.
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

    /// Everything that the daemon sent of the flow. It is read when this is first used; properties read only their part.
    public var snapshot: JSONValue { whole.read(json) }

    public var id: String { json.text("id") }

    /// The message of a `tcp_message`; nil at other events, where setting it does nothing.
    public var message: TCPMessage? {
        get { state.withLock { $0.message } }
        set { state.withLock { $0.message = newValue } }
    }

    /// Why the flow failed; nil while it has not.
    public var error: String? { json["error"]?["msg"]?.value.stringValue }

    /// The client's address, if it is known.
    public var clientAddress: Address? { (json["client_conn"]?["peername"]?.value).flatMap(Address.init) }

    /// The server's address, if it is known.
    public var serverAddress: Address? { (json["server_conn"]?["address"]?.value).flatMap(Address.init) }

    /// Closes both sides of the flow.
    public func kill() { state.withLock { $0.action = "kill" } }

    /// Has the flow wait, once all addons have had the event, until `Daemon.resume(flow:)` or `kill(flow:)`, or until
    /// this addon leaves.
    public func hold() { state.withLock { $0.action = "hold" } }

    /// Ends the event's chain: the addons after this one get it as a notification.
    public func stop() { state.withLock { $0.stop = true } }

    /// What the daemon is answered.
    func reply() -> JSONValue {
        let state = state.withLock { $0 }
        var reply = MergePatch()
        if let original, let patch = state.message?.patch(from: original) { reply.set("flow", ["messages": [patch]]) }
        reply.set("action", state.action.map { .string($0) })
        if state.stop { reply.set("stop", true) }
        return reply.json ?? [:]
    }
}
