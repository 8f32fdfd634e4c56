import Dispatch
import Foundation
import Glibc
import Synchronization

/// The signals that end a program. proxyd holds them back from its start on, for the daemon.
enum Interrupts {
    private static var all: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        return signals
    }

    /// Whether one has come, and waits for `release`.
    static var arePending: Bool {
        var pending = sigset_t()
        sigpending(&pending)
        return [SIGINT, SIGTERM, SIGHUP].contains { sigismember(&pending, $0) == 1 }
    }

    /// From now on they end the process, as they do any other. What a tool has started ends with it.
    static func release() {
        var signals = all
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Runs `body`, which is cancelled by the first of them; a second ends the process.
    ///
    /// - Throws: what `body` throws.
    static func cancelling(_ body: @escaping @Sendable () async throws -> Void) throws {
        let ended = DispatchSemaphore(value: 0)
        let outcome = Mutex<Result<Void, any Error>>(.success(()))
        let task = Task {
            do { try await body() } catch { outcome.withLock { $0 = .failure(error) } }
            ended.signal()
        }
        Thread.detachNewThread {
            var signals = all
            var number: Int32 = 0
            while sigwait(&signals, &number) != 0 {}
            task.cancel()
            release()
        }
        ended.wait()
        try outcome.withLock { $0 }.get()
    }
}
