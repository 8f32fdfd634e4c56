import Glibc
import Synchronization

/// The process between the daemon and an addon, `proxyd keep-addon` (`AddonKeeper`), seen from the daemon.
///
/// It starts the addon, and waits for the end of a pipe whose other end only the daemon has: the kernel closes that one even
/// when the daemon is killed. So it ends the addon when the daemon wants it, and when the daemon dies.
final class AddonProcessGuard: Sendable {
    /// Its process id, which is the number of the addon's process group too.
    let group: pid_t
    private let lifeline: Mutex<OwnedFile?>

    /// - Parameter program: proxyd itself.
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

    /// Lets go of the pipe, as the daemon's death does: the addon has the grace to end.
    func release() {
        lifeline.withLock { $0 = nil }
    }

    /// Blocks until it has ended, and so all of the addon; kills what is left of the group if somebody has killed it first.
    func waitForEnd() -> AddonProcess.ExitStatus {
        var info = siginfo_t()
        while waitid(P_PID, id_t(group), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        kill(-group, SIGKILL)
        return AddonProcess.ExitStatus.wait(for: group)
    }
}
