import Glibc
import Synchronization

/// The daemon's view of the process between it and an addon, `proxyd keep-addon` (`AddonKeeper`).
///
/// The guard starts the addon, and waits for the end of a pipe whose other end only the daemon holds. The kernel closes
/// that end even when the daemon is killed. So the guard ends the addon both on demand and when the daemon dies.
final class AddonProcessGuard: Sendable {
    /// The guard's process id, which is also the addon's process group.
    let group: pid_t
    private let lifeline: Mutex<OwnedFile?>

    /// - Parameter program: the path of proxyd.
    init(
        _ spec: AddonSpec,
        program: String,
        environment: [String],
        stdout: OwnedFile,
        stderr: OwnedFile
    ) throws(FileError) {
        let pipe = try OwnedPipe()
        let spawn = AddonProcessSpawn(
            program: program,
            arguments: ["proxyd", AddonKeeper.command, spec.processText],
            environment: environment,
            streams: [pipe.read, stdout, stderr],
            group: 0
        )
        group = try spawn.start()
        lifeline = Mutex(pipe.write)
    }

    /// Closes the pipe, as the daemon's death would: the addon has the grace period to end.
    func release() {
        lifeline.withLock { $0 = nil }
    }

    /// Blocks until the guard, and so the whole addon, has ended. If somebody killed the guard, kills the rest of the
    /// group.
    func waitForEnd() -> AddonProcess.ExitStatus {
        var info = siginfo_t()
        while waitid(P_PID, id_t(group), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        kill(-group, SIGKILL)
        return AddonProcess.ExitStatus.wait(for: group)
    }
}
