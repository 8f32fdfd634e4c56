import Dispatch
import Glibc
import Synchronization

/// SIGTERM and SIGINT while this lives: the first stops the daemon, a second ends the process at once, exit code 1.
struct StopSignals {
    private let sources: [any DispatchSourceSignal]

    /// `onFirst` gets the signal's name.
    init(onFirst: @escaping @Sendable (String) async -> Void) {
        let isStopping = Mutex(false)
        sources = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")].map { number, name in
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                let isFirst = isStopping.withLock { stopping in
                    defer { stopping = true }
                    return !stopping
                }
                guard isFirst else { _exit(1) }
                Task { await onFirst(name) }
            }
            signal(number, SIG_IGN)
            source.activate()
            return source
        }
    }

    func stopWatching() {
        for source in sources { source.cancel() }
    }
}
