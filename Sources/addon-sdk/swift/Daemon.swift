public import AddonProtocol
import Synchronization

/// Calls to the daemon. They may be made at any time, including while an event is handled.
///
/// An addon's handlers use `current`. Any other program, such as a tool that watches flows, makes its own instance with
/// `init(socket:name:subscriptions:token:receive:)`.
public final class Daemon: Sendable {
    /// The level of a log entry.
    public enum LogLevel: String, Sendable {
        case debug
        case info
        case warn
        case error
    }

    /// How many calls may wait for their answers at a time.
    public static let maximumWaitingCalls = 1024

    @TaskLocal static var bound: Daemon?

    private typealias Answer = CheckedContinuation<JSONValue, any Error>

    private struct State {
        var outbox: Outbox?
        var lastID = 0
        var waiting: [RequestID: Answer] = [:]
    }

    private let state = Mutex(State())
    /// The connection made by `init(socket:name:subscriptions:token:receive:)`.
    let connection = Mutex<Connection?>(nil)

    /// A daemon that an `AddonRunner` connects to.
    init() {}

    /// The daemon that called the running handler.
    /// - Throws: `DaemonError.notConnected` outside handlers and the tasks they start.
    public static var current: Daemon {
        get throws(DaemonError) {
            guard let bound else { throw .notConnected }
            return bound
        }
    }

    /// Makes a call and waits for its answer.
    /// - Throws: `ProtocolError` as the daemon answered, `DaemonError` when the call does not reach it.
    public func call(_ call: Call, _ params: JSONValue = [:]) async throws -> JSONValue {
        try await self.call(call.rawValue, params)
    }

    /// The same by name, also for calls that this version of the SDK does not know.
    public func call(_ method: String, _ params: JSONValue = [:]) async throws -> JSONValue {
        try await withCheckedThrowingContinuation { continuation in
            do throws(DaemonError) {
                let (id, outbox) = try admit(continuation)
                let request = Message.request(id: id, method: method, params: params)
                do throws(Outbox.Refusal) {
                    try outbox.append(request.encoded())
                } catch {
                    return fail(id, DaemonError(error))
                }
                outbox.flush()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Writes an entry to the daemon's log.
    public func log(_ message: String, level: LogLevel = .info, flow: HTTPFlow? = nil) throws(DaemonError) {
        var params: [JSONValue.Member] = [.init("level", .string(level.rawValue)), .init("msg", .string(message))]
        if let flow { params.append(.init("flow", .string(flow.id))) }
        try notify(.log, .object(params))
    }

    /// Returns when the daemon has answered.
    public func ping() async throws {
        _ = try await call(.ping)
    }

    /// The values of these options; of all options when `names` is nil.
    public func options(_ names: [String]? = nil) async throws -> [String: JSONValue] {
        let params: JSONValue = names.map { ["names": .array($0.map { .string($0) })] } ?? [:]
        let members = try await call(.optionsGet, params)["options"]?.members ?? []
        return Dictionary(members.map { ($0.name, $0.value) }) { _, later in later }
    }

    /// Sets options, all or none, and returns the names of those that changed.
    public func setOptions(_ options: [String: JSONValue]) async throws -> [String] {
        let members = options.map { JSONValue.Member($0.key, $0.value) }
        let result = try await call(.optionsSet, ["options": .object(members)])
        return (result["updated"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    /// Summaries of the flows that are alive.
    public func flows(limit: Int? = nil) async throws -> [JSONValue] {
        let params: JSONValue = limit.map { ["limit": .integer($0)] } ?? [:]
        return try await call(.flowList, params)["flows"]?.arrayValue ?? []
    }

    /// A read-only copy of a flow: changes to it have no effect.
    public func flow(id: String) async throws -> HTTPFlow {
        HTTPFlow(LazyJSON(try await call(.flowGet, ["id": .string(id)])["flow"] ?? .null))
    }
}

/// Why a call did not reach the daemon or was not answered.
public enum DaemonError: Error, Equatable {
    case notConnected
    /// The connection was lost before the answer.
    case connectionLost
    /// Too many calls are pending, or the daemon does not read.
    case overLimit
    /// The call needs a message of `bytes` bytes, but the daemon accepts at most `limit` (`frame_size_limit`).
    case tooLarge(bytes: Int, limit: Int)

    init(_ refusal: Outbox.Refusal) {
        self =
            switch refusal {
            case .isClosed: .connectionLost
            case .tooMuchWaits: .overLimit
            case .tooLarge(let bytes, let limit): .tooLarge(bytes: bytes, limit: limit)
            }
    }
}

extension Daemon {
    func connected(to outbox: Outbox) {
        state.withLock { $0.outbox = outbox }
    }

    func disconnected() {
        let waiting = state.withLock { state in
            state.outbox = nil
            defer { state.waiting = [:] }
            return state.waiting
        }
        for answer in waiting.values { answer.resume(throwing: DaemonError.connectionLost) }
    }

    /// Takes the answer to a call, and drops it if nobody waits for it any more.
    func answered(_ id: RequestID, _ result: Result<JSONValue, ProtocolError>) {
        let answer = state.withLock { $0.waiting.removeValue(forKey: id) }
        answer?.resume(with: result.mapError { $0 as any Error })
    }

    private func admit(_ answer: Answer) throws(DaemonError) -> (RequestID, Outbox) {
        try state.withLock { state throws(DaemonError) in
            guard let outbox = state.outbox else { throw .notConnected }
            guard state.waiting.count < Self.maximumWaitingCalls else { throw .overLimit }
            state.lastID += 1
            let id = RequestID.number(state.lastID)
            state.waiting[id] = answer
            return (id, outbox)
        }
    }

    private func fail(_ id: RequestID, _ error: DaemonError) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: error)
    }

    func notify(_ call: Call, _ params: JSONValue) throws(DaemonError) {
        guard let outbox = state.withLock({ $0.outbox }) else { throw .notConnected }
        do throws(Outbox.Refusal) {
            try outbox.append(Message.notification(method: call.rawValue, params: params).encoded())
        } catch {
            throw DaemonError(error)
        }
        outbox.flush()
    }
}
