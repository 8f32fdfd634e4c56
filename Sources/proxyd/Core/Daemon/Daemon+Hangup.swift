import AddonProtocol
import Synchronization

/// Handles SIGHUP: reopens the log file and rereads the config.
extension Daemon {
    /// - Parameter load: reads all options, as at the start.
    package func hangUp(load: @escaping @Sendable () throws(OptionError) -> Options) {
        guard let running else { return }
        reopenLog(running)
        guarded.withLock { guarded in
            guarded.reloading = Task { [former = guarded.reloading] in
                await former?.value
                await self.reload(running.parts, load)
            }
        }
    }

    /// Reopens the log file, if there is one.
    private func reopenLog(_ running: Running) {
        guard let logFile = running.logFile else { return }
        do {
            try logFile.reopen()
            running.parts.log.info("reopened \(logFile.path)")
        } catch {
            running.parts.log.error("\(error); logging continues to the file that is open")
        }
    }

    /// Makes all changes that can take effect now, or none; in that case the next reload tries again.
    private func reload(_ parts: DaemonParts, _ load: () throws(OptionError) -> Options) async {
        do {
            let options = try load()
            let reload = ConfigReload(from: guarded.withLock { $0.configured }, to: options)
            let changed = try await parts.options.reload(reload)
            guarded.withLock { $0.configured = options }
            let names = changed.isEmpty ? "no option has changed" : "changed \(changed.joined(separator: ", "))"
            parts.log.info("reloaded the config: \(names)")
            for name in reload.atNextStart {
                parts.log.warn("option \(name) has changed in the config; this takes effect at the next start")
            }
        } catch {
            parts.log.error("cannot reload the config, so nothing has changed: \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? ProtocolError)?.message ?? "\(error)"
    }
}
