import AddonProtocol
import Glibc
import Synchronization

/// Runs the handlers of events, a limited number concurrently. Each runs in a task that starts immediately on the reading
/// thread, so a handler that does not suspend costs no thread switch, and the replies to all events of one read are
/// written together.
final class EventRunner: Sendable {
    /// How many events may wait when `maxInFlight` are running.
    static let maximumBacklog = 1024

    private struct State {
        var running = 0
        /// The requests whose handlers have suspended or were queued; nil until the task is known.
        var tasks: [RequestID: Task<Void, Never>?] = [:]
        /// A request that ended before its task was known, as happens when the handler does not suspend.
        var endedAtOnce: RequestID?
        var backlog: [Work] = []
        var isRemoved = false
    }

    private struct Work {
        let call: IncomingCall
        let handler: HandlerTable.Handler
    }

    private enum Admission {
        case now
        case later
        case refused
    }

    private let table: HandlerTable
    private let outbox: Outbox
    private let socket: UnixSocket
    private let maxInFlight: Int
    private let reader = pthread_self()
    private let state = Mutex(State())

    /// Must be called on the reading thread, which flushes the outbox after each read.
    init(table: HandlerTable, outbox: Outbox, socket: UnixSocket, maxInFlight: Int) {
        self.table = table
        self.outbox = outbox
        self.socket = socket
        self.maxInFlight = maxInFlight
    }

    /// Whether the daemon was told to remove the addon, which then must not reconnect.
    var isRemoved: Bool { state.withLock { $0.isRemoved } }

    func receive(_ call: IncomingCall) {
        guard let handler = table.handler(of: call.method) else { return receiveUnhandled(call) }
        let work = Work(call: call, handler: handler)
        switch state.withLock({ admit(work, &$0) }) {
        case .now: start(work)
        case .later: break
        case .refused: refuse(call)
        }
    }

    private func start(_ work: Work) {
        let task = Task.immediate { [self] in
            await handle(work)
            ended(work.call.id)
        }
        guard let id = work.call.id else { return }
        state.withLock { state in
            if state.endedAtOnce == id { state.endedAtOnce = nil } else { state.tasks[id] = task }
        }
    }

    /// Starts the event that has waited longest, if any, in place of the one that has ended.
    private func ended(_ id: RequestID?) {
        let next = state.withLock { state -> Work? in
            if let id, state.tasks.isEmpty || state.tasks.removeValue(forKey: id) == nil { state.endedAtOnce = id }
            guard !state.backlog.isEmpty else {
                state.running -= 1
                return nil
            }
            let work = state.backlog.removeFirst()
            if let id = work.call.id { state.tasks[id] = .some(nil) }
            return work
        }
        if let next { startLater(next) }
    }

    private func startLater(_ work: Work) {
        let task = Task { [self] in
            await handle(work)
            ended(work.call.id)
        }
        guard let id = work.call.id else { return }
        state.withLock { state in
            if state.tasks[id] != nil { state.tasks[id] = task }
        }
    }

    private func handle(_ work: Work) async {
        let call = work.call
        do {
            let reply = try await work.handler(call.params)
            if let id = call.id { send(.success(id: id, result: reply)) }
        } catch {
            let error = error as? ProtocolError ?? ProtocolError(code: ProtocolError.internalError, message: "\(error)")
            if let id = call.id { send(.failure(id: id, error)) }
            Diagnostics.write("\(call.method): \(error.message)")
        }
        if call.method == Event.done.rawValue { end(call.params) }
    }

    private func send(_ message: Message) {
        do throws(Outbox.Refusal) {
            try outbox.append(reply: message)
        } catch {
            return socket.shutdown()
        }
        if pthread_equal(pthread_self(), reader) == 0 { outbox.flush() }
    }

    /// Ends the connection, since nothing follows `done`.
    private func end(_ done: LazyJSON) {
        if done["reason"]?.value == "removed" { state.withLock { $0.isRemoved = true } }
        outbox.flush()
        socket.shutdown()
    }
}

extension EventRunner {
    private func admit(_ work: Work, _ state: inout State) -> Admission {
        if state.running < maxInFlight {
            state.running += 1
            return .now
        }
        guard state.backlog.count < Self.maximumBacklog else { return .refused }
        state.backlog.append(work)
        return .later
    }

    private func refuse(_ call: IncomingCall) {
        let limit = maxInFlight + Self.maximumBacklog
        let error = ProtocolError(
            code: ProtocolError.overLimit,
            message: "\(limit) events are waiting",
            data: ["limit": .integer(limit)]
        )
        if let id = call.id { send(.failure(id: id, error)) }
        Diagnostics.write("\(call.method) not handled: \(error.message)")
    }

    private func receiveUnhandled(_ call: IncomingCall) {
        switch (call.method, call.id) {
        case ("$/cancel", _): cancel(call.params)
        case ("rejected", nil), ("dropped", nil):
            Diagnostics.write("\(call.method): \(call.params.value)")
        case ("done", let id):
            if let id { send(.success(id: id, result: [:])) }
            end(call.params)
        case (_, nil): break
        case ("ping", let id?), ("start", let id?), ("configure", let id?):
            send(.success(id: id, result: [:]))
        case (_, let id?):
            let message = "this addon has no method \(call.method)"
            send(.failure(id: id, ProtocolError(code: ProtocolError.methodNotFound, message: message)))
        }
    }

    private func cancel(_ params: LazyJSON) {
        guard let id = (params["id"]?.value).flatMap(RequestID.init) else { return }
        let task = state.withLock { $0.tasks[id] ?? nil }
        task?.cancel()
    }
}
