import AddonProtocol
import AddonSDK
import Synchronization

/// Stores what the daemon reports about flows, and tells the pages. It only observes, so no flow waits for it.
///
/// What arrives waits in a backlog. When the backlog is full nothing more is read. The daemon then keeps what it can, and
/// reports how many notifications it dropped.
final class FlowKeeper: Sendable {
    private struct State {
        var told = ToldChanges()
        var isCatchingUp = false
    }

    private let store: FlowStore
    private let pages: LivePages
    private let status: InspectorStatus
    private let state = Mutex(State())
    private let backlog = Backlog()

    init(_ store: FlowStore, _ pages: LivePages, _ status: InspectorStatus) {
        (self.store, self.pages, self.status) = (store, pages, status)
    }

    /// The events that end flows, and those that make the daemon keep requests' bodies and messages.
    static let subscriptions: [Subscription] =
        [Event.response, .error, .httpConnected, .httpConnectError, .websocketEnd, .tcpEnd].map {
            Subscription(event: $0, mode: .observe, body: .full, decode: true)
        }
        + [Event.request, .websocketMessage, .tcpMessage].map {
            Subscription(event: $0, mode: .observe, body: .full, include: ["id"])
        }

    // MARK: Receiving

    /// Parses only the method; the writing thread parses the rest.
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
            case .rows(let rows, let number):
                let rows = state.withLock { $0.told.take(rows, number) }
                do { try show(rows, daemon) } catch { failed(error, daemon) }
            case .call(let call) where call.method == "flows":
                do { try take(call.params.value, daemon) } catch { failed(error, daemon) }
            case .call(let call) where ["websocket_message", "tcp_message"].contains(call.method):
                if let id = call.params["flow"]?["id"]?.value.stringValue { talking.insert(id) }
            case .call(let call): if let flow = end(call, daemon) { ended.append(flow) }
            }
        }
        do {
            // A message does not change the row, but matters to a page that shows the flow.
            pages.tell(try talking.compactMap { try store.key(of: $0) })
            guard !ended.isEmpty else { return }
            try store.keep(ended, pages.tellKept)
        } catch {
            failed(error, daemon, count: max(ended.count, 1))
        }
    }

    /// Blocks until everything received is written.
    func finish() { backlog.wait() }

    private func failed(_ error: any Error, _ daemon: Daemon?, count: Int = 1) {
        status.miss(count)
        pages.tellStatus()
        try? daemon?.log("flows cannot be stored: \(error)", level: .error)
    }

    private func miss(_ count: Int, _ daemon: Daemon?) {
        status.miss(count)
        pages.tellStatus()
        if let daemon { catchUp(daemon) }
    }

    // MARK: Rows

    /// Subscribes to flows, and stores those that exist already.
    func begin(_ daemon: Daemon) async throws {
        // Each daemon numbers its changes anew.
        state.withLock { $0.told = ToldChanges() }
        try await subscribe(daemon, isFirst: true)
        Task { try await complete(daemon) }
    }

    private func subscribe(_ daemon: Daemon, isFirst: Bool = false) async throws {
        let last = state.withLock { $0.told.ask() }
        let after: [JSONValue.Member] = isFirst ? [] : [.init("after", .integer(last))]
        let answer: JSONValue
        do {
            answer = try await daemon.call(
                .flowSubscribe,
                .object([.init("live", true), .init("limit", 1_000)] + after)
            )
        } catch {
            _ = state.withLock { $0.told.take(nil) }
            throw error
        }
        let (number, rows) = (answer["seq"]?.intValue ?? 0, answer["flows"]?.arrayValue ?? [])
        state.withLock { $0.told.answered(number) }
        await OffPool.run {
            self.backlog.add(.rows(rows, number: number), bytes: rows.count * 512) { self.write($0, daemon) }
        }
    }

    private func take(_ params: JSONValue, _ daemon: Daemon?) throws {
        guard let number = params["seq"]?.intValue else { return }
        let rows = params["flows"]?.arrayValue ?? []
        let news = state.withLock { $0.told.notified(number, after: params["after"]?.intValue ?? 0, of: rows) }
        guard news != .old else { return }
        try show(rows, daemon)
        if news == .afterLoss, let daemon { catchUp(daemon) }
    }

    private func show(_ rows: [JSONValue], _ daemon: Daemon?) throws {
        // Oldest first, so that keys grow with time.
        let rows = rows.sorted {
            ($0["timestamp_created"]?.doubleValue ?? 0) < ($1["timestamp_created"]?.doubleValue ?? 0)
        }
        let (keys, bytes) = try store.take(rows: rows)
        pages.tell(keys)
        try wrote(bytes)
        guard let daemon else { return }
        keepChanges(of: rows, daemon)
        keepAnswers(of: rows, daemon)
    }

    private func wrote(_ bytes: Int) throws {
        if let first = try store.wrote(bytes) { pages.tellGone(before: first) }
    }

    /// Asks for the changes that addons made to flows that have ended, while the daemon remembers them.
    private func keepChanges(of rows: [JSONValue], _ daemon: Daemon) {
        let changed = rows.filter { $0["state"] == "done" && $0["changed_by"]?.arrayValue?.isEmpty == false }
        let ids = changed.compactMap { $0["id"]?.stringValue }
        guard !ids.isEmpty else { return }
        Task {
            for id in try await OffPool.run({ try self.store.withoutChanges(ids) }) {
                guard let changes = try? await daemon.call(.flowBlame, ["id": .string(id)]) else { continue }
                try await OffPool.run { try self.store.keep(changes: changes, of: id) }
            }
        }
    }

    /// Asks for the daemon's own answers to requests that failed, since they come after their `error`.
    private func keepAnswers(of rows: [JSONValue], _ daemon: Daemon) {
        let answered = rows.filter { $0["state"] == "done" && $0["error_kind"] != .null && $0["origin"] == "proxy" }
        let ids = answered.compactMap { $0["id"]?.stringValue }
        guard !ids.isEmpty else { return }
        Task {
            for id in ids {
                if let flow = await daemon.endedFlow(id) { keep(flow, daemon) }
            }
        }
    }

    // MARK: Flows that end

    private func end(_ call: IncomingCall, _ daemon: Daemon?) -> EndedFlow? {
        guard let flow = call.params["flow"]?.value else { return nil }
        guard flow["type"] != "http" else {
            return EndedFlow(snapshot: flow, isPreliminary: call.method == "error")
        }
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

    // MARK: Lost notifications

    /// Asks for what was lost, once for everything that is lost within a second.
    private func catchUp(_ daemon: Daemon) {
        let isAtIt = state.withLock { state in
            defer { state.isCatchingUp = true }
            return state.isCatchingUp
        }
        guard !isAtIt else { return }
        Task {
            do {
                repeat {
                    try await Task.sleep(for: .seconds(1))
                    try await subscribe(daemon)
                } while state.withLock { state in
                    defer { state.isCatchingUp = state.told.lacks }
                    return state.told.lacks
                }
                try await complete(daemon)
            } catch {
                state.withLock { $0.isCatchingUp = false }
                failed(error, daemon)
            }
        }
    }

    /// Asks for flows of which there is only the row, if the daemon remembers them.
    private func complete(_ daemon: Daemon) async throws {
        finish()
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

extension EndedFlow {
    /// The approximate size of its large parts.
    var byteCount: Int {
        let http = snapshot["handshake_flow"] ?? snapshot
        let bodies = [http["request"]?["content"], http["response"]?["content"]] + messages.map { $0["content"] }
        return bodies.reduce(2_048) {
            $0 + ($1?.stringValue?.utf8.count ?? $1?["base64"]?.stringValue?.utf8.count ?? 0)
        }
    }
}

extension Daemon {
    /// A flow that has ended, with its bodies decoded; nil when the daemon does not remember it.
    fileprivate func endedFlow(_ id: String) async -> EndedFlow? {
        guard let snapshot = try? await call(.flowGet, ["id": .string(id)])["flow"] else { return nil }
        if snapshot["type"] == "http" { return EndedFlow(snapshot: await withBodies(snapshot, id)) }
        let messages = await messages(of: id)
        guard let handshake = snapshot["handshake_flow"] else {
            return EndedFlow(snapshot: snapshot, messages: messages)
        }
        let flow = snapshot.setting("handshake_flow", await withBodies(handshake, id))
        return EndedFlow(snapshot: flow, messages: messages)
    }

    fileprivate func messages(of id: String) async -> [JSONValue] {
        let answer = try? await call(.flowMessages, ["id": .string(id), "from": 0, "limit": 1_024])
        return answer?["messages"]?.arrayValue ?? []
    }

    fileprivate func hasForgotten(_ id: String) async -> Bool {
        do {
            _ = try await call(.flowGet, ["id": .string(id)])
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
            guard let body = try? await call(.flowBody, params) else { continue }
            http = http.setting(
                part,
                message.setting("content", body["data"] ?? "").setting("content_decoded", body["decoded"] ?? false)
                    .setting("content_complete", body["complete"] ?? false)
            )
        }
        return http
    }
}
