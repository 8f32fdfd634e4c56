import AddonProtocol
import Synchronization

/// Calls the addon's `done` when the addon ends of its own accord. When the daemon ends it, the daemon sends the event.
final class Farewell: Sendable {
    /// How long `done` may take.
    private static let patience = Duration.seconds(2)

    private enum State {
        /// The addon has not registered since the last `done`.
        case notDue
        case due
        case running(Task<Void, Never>)
    }

    private let handler: HandlerTable.Handler?
    private let daemon: Daemon
    private let state = Mutex(State.notDue)

    init(_ handler: HandlerTable.Handler?, _ daemon: Daemon) { (self.handler, self.daemon) = (handler, daemon) }

    /// Notes that the addon has registered.
    func isDue() { state.withLock { if case .notDue = $0 { $0 = .due } } }

    /// Notes that the daemon sends `done` itself.
    func isSaid() { state.withLock { if case .due = $0 { $0 = .notDue } } }

    /// Calls `done`, only once even if two sides ask for it, and returns when it has finished.
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
