import Foundation
import Glibc

/// An addon that the daemon started: `/bin/sh -c COMMAND` in its own process group.
///
/// Its lines on stdout (level info) and stderr (warn) become log entries with the source `addon:NAME`. All its
/// processes end when its first process ends or the daemon dies: they get SIGTERM, and SIGKILL two seconds later.
package final class AddonProcess: Sendable {
    /// The time between SIGTERM and SIGKILL, in milliseconds.
    static let grace = 2_000
    /// How long output is still read after the end, in milliseconds.
    private static let outputTimeout = 200

    /// The path of proxyd itself, even if its file has been replaced. Under valgrind, only the link's target is proxyd.
    static var ownProgram: String {
        let link = "/proc/self/exe"
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        return target.flatMap { access($0, X_OK) == 0 ? $0 : nil } ?? link
    }

    /// The guard's process id; ending the guard ends the addon.
    package var pid: Int32 { guardian.group }
    /// The token that the addon must show in `initialize`: 128 random bits in hex, passed as PROXYD_ADDON_TOKEN.
    package let token: String
    let guardian: AddonProcessGuard
    private let output: AddonProcessOutput

    /// Starts the addon. `onExit` is called once, on its own thread, after the last line of output.
    ///
    /// - Parameter program: the path of proxyd, if the caller is another program.
    package init(
        _ spec: AddonSpec,
        socketPath: String,
        log: Log,
        program: String? = nil,
        onExit: @escaping @Sendable (ExitStatus) -> Void
    ) throws(FileError) {
        token = randomToken()
        let source = "addon:\(spec.name)"
        let (stdout, stderr, cancelling) = (try OwnedPipe(), try OwnedPipe(), try OwnedPipe())
        var launched = spec
        if spec.limits.files == nil { launched.command = DescriptorLimit.command(spec.command) }
        guardian = try AddonProcessGuard(
            launched,
            program: program ?? Self.ownProgram,
            environment: environmentOfAddon(spec, socketPath: socketPath, token: token),
            stdout: stdout.write,
            stderr: stderr.write
        )
        output = AddonProcessOutput(stdout: stdout.read, stderr: stderr.read, cancelling: cancelling) { level, line in
            log.log(level, line, source: source)
        }
        let thread = Thread { [self] in onExit(waitForEnd()) }
        thread.name = source
        thread.start()
    }

    /// Sends SIGTERM to all processes of the addon, and kills those left after the grace period. Returns at once.
    package func terminate() {
        guardian.release()
    }

    private func waitForEnd() -> ExitStatus {
        let status = guardian.waitForEnd()
        if !output.waitForEnd(milliseconds: Self.outputTimeout) { output.cancel() }
        return status
    }
}
