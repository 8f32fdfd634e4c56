import Glibc

/// SIGTERM, SIGINT and SIGHUP, held back so that none is lost, and waited for by the main thread. SIGUSR1, which would end the
/// process, does nothing.
enum StopSignals {
    /// Threads inherit this, so it comes before any other is made.
    static func hold() {
        var signals = set
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Blocks until one comes that is to stop the daemon, or takes one that came already, and returns its name.
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
