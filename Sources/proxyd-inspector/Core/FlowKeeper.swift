import AddonProtocol
import AddonSDK
import Synchronization

/// Keeps what the daemon tells of flows, and tells the pages of it. It only observes: no flow waits for it.
///
/// What comes waits in a backlog. When that is full nothing more is read: the daemon then keeps what it can for us, and says how
/// many it could not.
final class FlowKeeper: Sendable {
    private struct State {
        /// The number of the last change of which rows were told.
        var seq = 0
        var isCompleting = false
    }

    private let store: FlowStore
    private let pages: LivePages
    private let status: InspectorStatus
    private let state = Mutex(State())
    private let backlog = Backlog()

    init(_ store: FlowStore, _ pages: LivePages, _ status: InspectorStatus) {
        (self.store, self.pages, self.status) = (store, pages, status)
    }

    /// The events with which flows end, and those for which the daemon keeps requests' bodies and messages.
    static let subscriptions: [Subscription] =
        [Event.response, .error, .httpConnected, .httpConnectError, .websocketEnd, .tcpEnd].map {
            Subscription(event: $0, mode: .observe, body: .full, decode: true)
        }
        + [Event.request, .websocketMessage, .tcpMessage].map {
            Subscription(event: $0, mode: .observe, body: .full, include: ["id"])
        }

    // MARK: What comes

    /// Reads no further than the method: the rest is for the thread that writes.
    func receive(_ call: IncomingCall) {
        let daemon = try? Daemon.current
        switch call.method {
        case "dropped": miss(call.params["count"]?.value.intValue ?? 0, daemon)
        case "flows", "response", "error", "http_connected", "http_connect_error", "websocket_message", "websocket_end",
            "tcp_message", "tcp_end":
            backlog.add(.call(call), bytes: call.params.byteCount) { self.write($0, daemon) }
        default: break
        }
    }

    private func write(_ items: [Backlog.Item], _ daemon: Daemon?) {
        var ended: [EndedFlow] = []
        var talking: Set<String> = []
        for item in items {
            switch item {
            case .ended(let flow): ended.append(flow)
            case .call(let call) where call.method == "flows":
                do { try take(call.params.value, daemon) } catch { failed(error, daemon) }
            case .call(let call) where ["websocket_message", "tcp_message"].contains(call.method):
                if let id = call.params["flow"]?["id"]?.value.stringValue { talking.insert(id) }
            case .call(let call): if let flow = end(call, daemon) { ended.append(flow) }
            }
        }
        do {
            // A message changes nothing in the row, but is news to who looks at the flow.
            pages.tell(try talking.compactMap { try store.key(of: $0) })
            guard !ended.isEmpty else { return }
            try store.keep(ended, pages.tellKept)
        } catch {
            failed(error, daemon, count: max(ended.count, 1))
        }
    }

    /// Until all that has come is written.
    func finish() { backlog.wait() }

    private func failed(_ error: any Error, _ daemon: Daemon?, count: Int = 1) {
        status.miss(count)
        pages.tellStatus()
        try? daemon?.log("flows cannot be kept: \(error)", level: .error)
    }

    private func miss(_ count: Int, _ daemon: Daemon?) {
        status.miss(count)
        pages.tellStatus()
        if let daemon { complete(daemon, in: .seconds(2)) }
    }

    // MARK: Rows

    /// Has the daemon tell of flows from now on, and takes those that there are.
    func begin(_ daemon: Daemon) async throws {
        // Another daemon counts anew.
        state.withLock { $0.seq = 0 }
        try await subscribe(daemon, after: nil)
        complete(daemon, in: .zero)
    }

    private func subscribe(_ daemon: Daemon, after seq: Int?) async throws {
        let after: [JSONValue.Member] = seq.map { [.init("after", .integer($0))] } ?? []
        let params = JSONValue.object([.init("live", true), .init("limit", 1_000)] + after)
        let answer = try await daemon.call("flow.subscribe", params)
        state.withLock { $0.seq = max($0.seq, answer["seq"]?.intValue ?? 0) }
        try await OffPool.run { try self.show(answer["flows"]?.arrayValue ?? [], daemon) }
    }

    private func take(_ params: JSONValue, _ daemon: Daemon?) throws {
        guard let number = params["seq"]?.intValue else { return }
        let (isNews, lostAfter) = state.withLock { state -> (Bool, Int?) in
            guard number > state.seq else { return (false, nil) }
            defer { state.seq = number }
            return (true, params["after"]?.intValue ?? 0 > state.seq ? state.seq : nil)
        }
        guard isNews else { return }
        try show(params["flows"]?.arrayValue ?? [], daemon)
        guard let lostAfter, let daemon else { return }
        Task {
            do {
                try await subscribe(daemon, after: lostAfter)
                complete(daemon, in: .seconds(2))
            } catch {
                failed(error, daemon)
            }
        }
    }

    private func show(_ rows: [JSONValue], _ daemon: Daemon?) throws {
        // Oldest first, so that keys grow with time.
        let rows = rows.sorted {
            ($0["timestamp_created"]?.doubleValue ?? 0) < ($1["timestamp_created"]?.doubleValue ?? 0)
        }
        let (keys, bytes) = try store.take(rows: rows)
        pages.tell(keys)
        try wrote(bytes)
        if let daemon { keepChanges(of: rows, daemon) }
    }

    private func wrote(_ bytes: Int) throws {
        if let first = try store.wrote(bytes) { pages.tellGone(before: first) }
    }

    /// Who changed what is asked for when the flow has ended, as long as the daemon remembers.
    private func keepChanges(of rows: [JSONValue], _ daemon: Daemon) {
        let changed = rows.filter { $0["state"] == "done" && $0["changed_by"]?.arrayValue?.isEmpty == false }
        let ids = changed.compactMap { $0["id"]?.stringValue }
        guard !ids.isEmpty else { return }
        Task {
            for id in try await OffPool.run({ try self.store.withoutChanges(ids) }) {
                guard let changes = try? await daemon.call("flow.blame", ["id": .string(id)]) else { continue }
                try await OffPool.run { try self.store.keep(changes: changes, of: id) }
            }
        }
    }

    // MARK: Ends

    private func end(_ call: IncomingCall, _ daemon: Daemon?) -> EndedFlow? {
        guard let flow = call.params["flow"]?.value else { return nil }
        guard flow["type"] != "http" else { return EndedFlow(snapshot: flow) }
        guard let daemon, let id = flow["id"]?.stringValue else { return nil }
        Task {
            let messages = await daemon.messages(of: id)
            keep(EndedFlow(snapshot: flow, messages: messages), daemon)
        }
        return nil
    }

    private func keep(_ flow: EndedFlow, _ daemon: Daemon?) {
        backlog.add(.ended(flow), bytes: flow.byteCount) { self.write($0, daemon) }
    }

    // MARK: What was missed

    /// Asks for flows of which there is only the row, as far as the daemon remembers them.
    private func complete(_ daemon: Daemon, in pause: Duration) {
        let isAtIt = state.withLock { state in
            defer { state.isCompleting = true }
            return state.isCompleting
        }
        guard !isAtIt else { return }
        Task {
            try? await Task.sleep(for: pause)
            state.withLock { $0.isCompleting = false }
            let known = try await OffPool.run { try self.store.incomplete(limit: 500) }
            for id in known.ended {
                guard let flow = await daemon.endedFlow(id) else { continue }
                keep(flow, daemon)
            }
            for id in known.open where await daemon.hasForgotten(id) {
                let key = try await OffPool.run { try self.store.end(id) }
                pages.tell([key].compactMap(\.self))
            }
        }
    }
}

extension EndedFlow {
    /// Of what is large in it, about.
    var byteCount: Int {
        let http = snapshot["handshake_flow"] ?? snapshot
        let bodies = [http["request"]?["content"], http["response"]?["content"]] + messages.map { $0["content"] }
        return bodies.reduce(2_048) {
            $0 + ($1?.stringValue?.utf8.count ?? $1?["base64"]?.stringValue?.utf8.count ?? 0)
        }
    }
}

extension Daemon {
    /// A flow that has ended, with its bodies without their codings; nil when the daemon does not remember it.
    fileprivate func endedFlow(_ id: String) async -> EndedFlow? {
        guard let snapshot = try? await call("flow.get", ["id": .string(id)])["flow"] else { return nil }
        if snapshot["type"] == "http" { return EndedFlow(snapshot: await withBodies(snapshot, id)) }
        let messages = await messages(of: id)
        guard let handshake = snapshot["handshake_flow"] else {
            return EndedFlow(snapshot: snapshot, messages: messages)
        }
        let flow = snapshot.setting("handshake_flow", await withBodies(handshake, id))
        return EndedFlow(snapshot: flow, messages: messages)
    }

    fileprivate func messages(of id: String) async -> [JSONValue] {
        let answer = try? await call("flow.messages", ["id": .string(id), "from": 0, "limit": 1_024])
        return answer?["messages"]?.arrayValue ?? []
    }

    fileprivate func hasForgotten(_ id: String) async -> Bool {
        do {
            _ = try await call("flow.get", ["id": .string(id)])
            return false
        } catch {
            return (error as? ProtocolError)?.code == ProtocolError.unknownFlow
        }
    }

    private func withBodies(_ http: JSONValue, _ id: String) async -> JSONValue {
        var http = http
        for part in ["request", "response"] {
            guard let message = http[part], message.members != nil else { continue }
            let params: JSONValue = ["id": .string(id), "part": .string(part), "decode": true]
            guard let body = try? await call("flow.body", params) else { continue }
            http = http.setting(
                part,
                message.setting("content", body["data"] ?? "").setting("content_decoded", body["decoded"] ?? false)
                    .setting("content_complete", body["complete"] ?? false)
            )
        }
        return http
    }
}
