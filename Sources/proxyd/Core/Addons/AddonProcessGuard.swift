import Glibc
import Synchronization

/// A small shell in the addon's process group that ends the group when the daemon dies, however it dies.
///
/// It waits for the end of a pipe whose other end only the daemon has: the kernel closes that one even when the
/// daemon is killed. As the group's first member it also keeps the group's number from being given away.
final class AddonProcessGuard: Sendable {
    /// Its process id, which is the group's number too.
    let group: pid_t
    private let lifeline: Mutex<OwnedFile?>

    private static let script = "trap '' HUP INT TERM; read -r _; kill -TERM 0; sleep 2; kill -KILL 0"

    init() throws(FileError) {
        let pipe = try OwnedPipe()
        let spawn = AddonProcessSpawn(
            arguments: ["/bin/sh", "-c", Self.script],
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin"],
            streams: [pipe.read, nil, nil],
            group: 0
        )
        group = try spawn.start()
        lifeline = Mutex(pipe.write)
    }

    /// Lets go of the pipe, as the daemon's death does.
    func release() {
        lifeline.withLock { $0 = nil }
    }

    /// Kills whoever is left in the group, and the guard. Called once.
    func killGroup() {
        kill(-group, SIGKILL)
        _ = AddonProcess.ExitStatus.wait(for: group)
        release()
    }
}
