import Glibc

/// SIGTERM, SIGINT and SIGHUP, blocked so that none is lost; the main thread waits for them. SIGUSR1, which would end the
/// process, does nothing.
enum StopSignals {
    /// Blocks the signals. Threads inherit the mask, so call this before any other thread is made.
    static func hold() {
        var signals = set
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Blocks until a signal arrives, or has arrived, that stops the daemon, and returns its name.
    static func wait(onHangUp: () -> Void) -> String {
        var signals = set
        var number: Int32 = 0
        while sigwait(&signals, &number) != 0 || ![SIGINT, SIGTERM].contains(number) {
            if number == SIGHUP { onHangUp() }
        }
        return number == SIGINT ? "SIGINT" : "SIGTERM"
    }

    private static var set: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { sigaddset(&signals, number) }
        return signals
    }
}
