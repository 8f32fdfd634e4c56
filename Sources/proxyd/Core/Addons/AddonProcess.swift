import Foundation
import Glibc

/// An addon that the daemon has started: `/bin/sh -c COMMAND` in a process group of its own.
///
/// Its lines on stdout (level info) and stderr (warn) become log entries with the source `addon:NAME`. All that it has started
/// ends with its first process, and when the daemon dies: it gets SIGTERM then, and SIGKILL two seconds later.
package final class AddonProcess: Sendable {
    /// How long it has between SIGTERM and SIGKILL, in milliseconds.
    static let grace = 2_000
    /// How long the output is read of one that has ended, in milliseconds.
    private static let outputTimeout = 200

    /// proxyd itself, also when its file has been replaced. Under valgrind only the link's target is proxyd.
    static var ownProgram: String {
        let link = "/proc/self/exe"
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link)
        return target.flatMap { access($0, X_OK) == 0 ? $0 : nil } ?? link
    }

    /// Its guard's; to end that one ends the addon.
    package var pid: Int32 { guardian.group }
    /// What the addon must show in `initialize`: 128 random bits in hex, in its environment as PROXYD_ADDON_TOKEN.
    package let token: String
    let guardian: AddonProcessGuard
    private let output: AddonProcessOutput

    /// Starts the addon. `onExit` is called once, on a thread of its own, after the last line of output.
    ///
    /// - Parameter program: where proxyd is, if this program is another.
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

    /// Asks all processes of the addon to end with SIGTERM, and kills what is left of them after the grace. Returns at once.
    package func terminate() {
        guardian.release()
    }

    private func waitForEnd() -> ExitStatus {
        let status = guardian.waitForEnd()
        if !output.waitForEnd(milliseconds: Self.outputTimeout) { output.cancel() }
        return status
    }
}
