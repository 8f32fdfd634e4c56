import Foundation
import Glibc
import Synchronization

/// An addon that the daemon has started: `/bin/sh -c COMMAND` in a process group of its own.
///
/// Its lines on stdout (level info) and stderr (warn) become log entries with the source `addon:NAME`. The group ends
/// with its first process, and when the daemon dies: it gets SIGTERM then, and SIGKILL two seconds later.
package final class AddonProcess: Sendable {
    private enum State {
        case running
        case ended
    }

    /// How long the group has between SIGTERM and SIGKILL, in milliseconds.
    static let grace = 2_000
    /// How long the output of a killed group is read, in milliseconds: a process that left the group may hold it.
    private static let outputTimeout = 200

    package let pid: Int32
    /// What the addon must show in `initialize`: 128 random bits in hex, in its environment as PROXYD_ADDON_TOKEN.
    package let token: String
    let guardian: AddonProcessGuard
    private let output: AddonProcessOutput
    private let state = Mutex(State.running)

    /// Starts the addon. `onExit` is called once, on a thread of its own, after the last line of output.
    package init(
        _ spec: AddonSpec,
        socketPath: String,
        log: Log,
        onExit: @escaping @Sendable (ExitStatus) -> Void
    ) throws(FileError) {
        token = randomToken()
        let source = "addon:\(spec.name)"
        let (stdout, stderr, cancelling) = (try OwnedPipe(), try OwnedPipe(), try OwnedPipe())
        guardian = try AddonProcessGuard()
        let spawn = AddonProcessSpawn(
            arguments: ["/bin/sh", "-c", DescriptorLimit.command(spec.command)],
            environment: environmentOfAddon(socketPath: socketPath, token: token),
            streams: [nil, stdout.write, stderr.write],
            group: guardian.group
        )
        do throws(FileError) {
            pid = try spawn.start()
        } catch {
            guardian.killGroup()
            throw error
        }
        output = AddonProcessOutput(stdout: stdout.read, stderr: stderr.read, cancelling: cancelling) { level, line in
            log.log(level, line, source: source)
        }
        let thread = Thread { [self] in onExit(waitForEnd()) }
        thread.name = source
        thread.start()
    }

    /// Asks the group to end with SIGTERM, and kills what is left of it after the grace. Returns at once.
    package func terminate() {
        signal(SIGTERM)
        let thread = Thread { [self] in
            usleep(UInt32(Self.grace) * 1_000)
            signal(SIGKILL)
        }
        thread.start()
    }

    private func signal(_ number: Int32) {
        state.withLock { state in
            if state == .running { _ = kill(-guardian.group, number) }
        }
    }

    /// The first process has ended: whatever it left behind gets the grace, too.
    private func waitForEnd() -> ExitStatus {
        let status = ExitStatus.wait(for: pid)
        signal(SIGTERM)
        _ = output.waitForEnd(milliseconds: Self.grace)
        state.withLock { state in
            guardian.killGroup()
            state = .ended
        }
        if !output.waitForEnd(milliseconds: Self.outputTimeout) { output.cancel() }
        return status
    }
}
