import AddonProtocol
import Synchronization

/// The addon's `done`, for when it ends of its own accord: where a daemon ends it, that sends the event.
final class Farewell: Sendable {
    /// How long it may take.
    private static let patience = Duration.seconds(2)

    private enum State {
        /// The addon has not been registered since it was last told.
        case notDue
        case due
        case running(Task<Void, Never>)
    }

    private let handler: HandlerTable.Handler?
    private let daemon: Daemon
    private let state = Mutex(State.notDue)

    init(_ handler: HandlerTable.Handler?, _ daemon: Daemon) { (self.handler, self.daemon) = (handler, daemon) }

    /// The addon is registered.
    func isDue() { state.withLock { if case .notDue = $0 { $0 = .due } } }

    /// The daemon says it.
    func isSaid() { state.withLock { if case .due = $0 { $0 = .notDue } } }

    /// Calls `done` once, also where it is said from two sides, and returns when it has been.
    func say() async {
        let task = state.withLock { state -> Task<Void, Never>? in
            switch state {
            case .notDue: return nil
            case .running(let task): return task
            case .due:
                let task = Task { await run() }
                state = .running(task)
                return task
            }
        }
        await task?.value
    }

    private func run() async {
        guard let handler else { return }
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        Task { [daemon] in
            do {
                _ = try await Daemon.$bound.withValue(daemon) { try await handler(LazyJSON(["reason": "leave"])) }
            } catch {
                Diagnostics.write("done: \(error)")
            }
            ended.finish()
        }
        Task {
            try? await Task.sleep(for: Self.patience)
            ended.finish()
        }
        for await _ in ends {}
    }
}
