import Foundation
import Glibc

/// SIGTERM and SIGINT: the first stops the daemon, a second ends the process at once with exit code 1.
enum StopSignals {
    /// Keeps the signals pending until `watch`. Threads inherit this, so it comes before any other is made.
    static func hold() {
        var signals = set
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Waits for them on a thread of its own. `onFirst` gets the signal's name.
    static func watch(onFirst: @escaping @Sendable (String) async -> Void) {
        let thread = Thread {
            let name = wait() == SIGINT ? "SIGINT" : "SIGTERM"
            Task { await onFirst(name) }
            _ = wait()
            _exit(1)
        }
        thread.name = "signals"
        thread.start()
    }

    private static var set: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        return signals
    }

    private static func wait() -> Int32 {
        var signals = set
        var number: Int32 = 0
        while sigwait(&signals, &number) != 0 {}
        return number
    }
}
