import Glibc

extension AddonProcess {
    /// How a process ended.
    package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        /// The status in words.
        package var description: String {
            switch self {
            case .exited(let code): "ended with exit code \(code)"
            case .killed(let signal): "was killed by signal \(signal)"
            }
        }

        /// - Parameter status: the status from waitpid(2) of a process that has ended.
        init(_ status: Int32) {
            let signal = status & 0x7f
            self = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
        }

        /// Blocks until the child ends, and reaps it.
        static func wait(for pid: pid_t) -> ExitStatus {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            return ExitStatus(status)
        }
    }
}
