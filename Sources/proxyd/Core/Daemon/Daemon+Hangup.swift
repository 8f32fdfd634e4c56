import AddonProtocol
import Synchronization

/// SIGHUP: the log goes on in a new file, and the config is read again.
extension Daemon {
    /// - Parameter load: reads all options as at the start.
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

    /// Goes on with the log in a new file, if there is one to be written.
    private func reopenLog(_ running: Running) {
        guard let logFile = running.logFile else { return }
        do {
            try logFile.reopen()
            running.parts.log.info("reopened \(logFile.path)")
        } catch {
            running.parts.log.error("\(error); the log goes on in the file that is open")
        }
    }

    /// Changes all that can change now, or nothing; then the next reload tries it again.
    private func reload(_ parts: DaemonParts, _ load: () throws(OptionError) -> Options) async {
        do {
            let options = try load()
            let reload = ConfigReload(from: guarded.withLock { $0.configured }, to: options)
            let changed = try await parts.options.reload(reload)
            guarded.withLock { $0.configured = options }
            let names = changed.isEmpty ? "no option has changed" : "changed \(changed.joined(separator: ", "))"
            parts.log.info("read the config again: \(names)")
            for name in reload.atNextStart {
                parts.log.warn("option \(name) is another in the config now, which holds from the next start")
            }
        } catch {
            parts.log.error("the config is not read again, nothing has changed: \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        (error as? ProtocolError)?.message ?? "\(error)"
    }
}
