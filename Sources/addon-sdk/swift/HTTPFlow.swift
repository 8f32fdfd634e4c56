public import AddonProtocol
import Synchronization

/// An HTTP exchange at an event.
///
/// Changes are collected here. When the handler returns, they are sent to the daemon as the smallest merge patch.
public final class HTTPFlow: Sendable {
    private let json: LazyJSON
    private let whole = ReadOnce()
    private let state = Mutex(State())

    private struct State {
        var request: Change<HTTPRequest>?
        var response: Change<HTTPResponse?>?
        var metadata: JSONValue?
        var comment: String?
        var marked: String?
        var serverAddress: Address?
        var upstreamProxy: UpstreamProxy??
        var replay: Replay??
        var action: String?
        var stop = false

        /// Where the request is sent, as far as that was set.
        var route: JSONValue? {
            var server = MergePatch()
            server.set("address", serverAddress?.json)
            server.set("via", upstreamProxy.map { $0?.json ?? .null })
            return server.json
        }
    }

    private struct Change<Value: Sendable>: Sendable {
        let original: LazyJSON
        var current: Value
    }

    /// - Parameter json: the flow as the daemon sent it.
    package init(_ json: LazyJSON) {
        self.json = json
    }

    /// Everything that the daemon sent about the flow, decoded at first use; the properties decode only their parts.
    public var snapshot: JSONValue { whole.read(json) }

    /// The flow's id.
    public var id: String { json.text("id") }

    /// The request.
    public var request: HTTPRequest {
        get { state.withLock { requestChange(&$0).current } }
        set {
            state.withLock { state in
                var change = requestChange(&state)
                change.current = newValue
                state.request = change
            }
        }
    }

    /// nil until there is a response. Setting it before the request is sent to the server answers the request.
    public var response: HTTPResponse? {
        get { state.withLock { responseChange(&$0).current } }
        set {
            state.withLock { state in
                var change = responseChange(&state)
                change.current = newValue
                state.response = change
            }
        }
    }

    /// Why there is no response; nil unless the flow has failed.
    public var error: String? { json["error"]?["msg"]?.value.stringValue }

    /// Which part of a flow is replayed.
    public enum Replay: String, Sendable {
        case request
        /// The response comes from a recording. It can be set together with a response of the addon's own.
        case response
    }

    /// nil: neither the request nor the response is a replay.
    public var replay: Replay? {
        get { state.withLock { $0.replay } ?? json["is_replay"]?.value.stringValue.flatMap(Replay.init) }
        set { state.withLock { $0.replay = .some(newValue) } }
    }

    /// Whether the request or the response is a replay.
    public var isReplay: Bool { json["is_replay"].map { !$0.isNull && $0.value != false } ?? false }

    /// The client's address, if it is known.
    public var clientAddress: Address? { (json["client_conn"]?["peername"]?.value).flatMap(Address.init) }

    /// The server's address, if it is known. It can be set until the request is sent, and overrides what the request names.
    public var serverAddress: Address? {
        get { state.withLock { $0.serverAddress } ?? (json["server_conn"]?["address"]?.value).flatMap(Address.init) }
        set { state.withLock { $0.serverAddress = newValue } }
    }

    /// The proxy through which the server is reached; nil: none, or not known yet. It can be set until the request is sent.
    public var upstreamProxy: UpstreamProxy? {
        get { state.withLock { $0.upstreamProxy } ?? (json["server_conn"]?["via"]?.value).flatMap(UpstreamProxy.init) }
        set { state.withLock { $0.upstreamProxy = .some(newValue) } }
    }

    /// A comment on the flow, for people.
    public var comment: String {
        get { state.withLock { $0.comment } ?? json.text("comment") }
        set { state.withLock { $0.comment = newValue } }
    }

    /// A mark on the flow, for people; empty: none.
    public var marked: String {
        get { state.withLock { $0.marked } ?? json.text("marked") }
        set { state.withLock { $0.marked = newValue } }
    }

    /// Sets one member of the flow's metadata, which later events and other addons see; null removes it.
    public func setMetadata(_ name: String, to value: JSONValue) {
        state.withLock { state in
            let members = (state.metadata?.members ?? []).filter { $0.name != name }
            state.metadata = .object(members + [JSONValue.Member(name, value)])
        }
    }

    /// A member of the flow's metadata.
    public func metadata(_ name: String) -> JSONValue? {
        let changed = state.withLock { $0.metadata?[name] }
        guard let value = changed ?? json["metadata"]?[name]?.value, !value.isNull else { return nil }
        return value
    }

    /// Closes both sides of the flow.
    public func kill() { state.withLock { $0.action = "kill" } }

    /// Holds the flow, once all addons have had the event, until `Daemon.resume(flow:)` or `kill(flow:)`, or until
    /// this addon disconnects.
    public func hold() { state.withLock { $0.action = "hold" } }

    /// Ends the event's chain: the addons after this one get the event as a notification.
    public func stop() { state.withLock { $0.stop = true } }

    private func requestChange(_ state: inout State) -> Change<HTTPRequest> {
        if let change = state.request { return change }
        let original = json["request"] ?? .null
        let change = Change(original: original, current: HTTPRequest(original))
        state.request = change
        return change
    }

    private func responseChange(_ state: inout State) -> Change<HTTPResponse?> {
        if let change = state.response { return change }
        let original = json["response"] ?? .null
        let change = Change(original: original, current: original.isNull ? nil : HTTPResponse(original))
        state.response = change
        return change
    }

    /// The reply to the daemon.
    func reply() -> JSONValue {
        state.withLock { state in
            var flow = MergePatch()
            flow.set("request", state.request.flatMap { $0.current.patch(from: $0.original) })
            flow.set("response", state.response.flatMap(patch))
            flow.set("server_conn", state.route)
            flow.set("is_replay", state.replay.map { $0.map { .string($0.rawValue) } ?? .null })
            flow.set("metadata", state.metadata)
            flow.set("comment", state.comment.map { .string($0) })
            flow.set("marked", state.marked.map { .string($0) })
            var reply = MergePatch()
            reply.set("flow", flow.json)
            reply.set("action", state.action.map { .string($0) })
            if state.stop { reply.set("stop", true) }
            return reply.json ?? [:]
        }
    }

    private func patch(_ response: Change<HTTPResponse?>) -> JSONValue? {
        guard let current = response.current else { return response.original.isNull ? nil : .null }
        return current.patch(from: response.original)
    }
}
