import Foundation
import Glibc
import NIOCore
import NIOPosix
import ProxyTLS
import Synchronization

/// The version, as `--version` and `initialize` report it.
package let proxydVersion = "0.1.0"

/// The whole daemon: starts its parts in order, and stops them in reverse order.
package final class Daemon: Sendable {
    /// What exists while the daemon runs.
    struct Running {
        let parts: DaemonParts
        let addonListener: AddonListener
        let logFile: LogFile?
        let inspector: BundledInspector?
    }

    /// The phases of the daemon.
    enum State {
        case starting
        case running(Running)
        case stopping
        case stopped
    }

    /// The state that a lock protects.
    struct Guarded {
        var state = State.starting
        /// Why to stop as soon as the start is complete.
        var earlyStop: String?
        /// Cuts short what the start is waiting for.
        var hasten: (@Sendable () -> Void)?
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// The options as last read from their sources.
        var configured: Options
        var reloading: Task<Void, Never>?
    }

    private let options: Options
    private let stdout: Int32
    let guarded: Mutex<Guarded>

    /// - Parameters:
    /// - options: the options at the start.
    /// - stdout: the descriptor for printed flows.
    package init(options: Options, stdout: Int32 = STDOUT_FILENO) {
        (self.options, self.stdout) = (options, stdout)
        guarded = Mutex(Guarded(configured: options))
    }

    var running: Running? {
        guarded.withLock { if case .running(let running) = $0.state { running } else { nil } }
    }

    /// Whether the daemon has started and not stopped.
    package var isRunning: Bool { running != nil }
    /// How and where clients are served, one line per listener, once the daemon has started.
    package var listenerLines: [String] { running?.parts.proxyListeners.all.map(\.description) ?? [] }
    /// The path of the addon socket.
    package var addonSocketPath: String { options.addonSocketPath }
    /// Where clients on this machine can reach the first regular listener.
    package var clientAddress: HostPort? {
        guard let first = running?.parts.proxyListeners.all.first, first.service.mode.kind == .regular else {
            return nil
        }
        var address = first.address
        address.host = ["0.0.0.0": "127.0.0.1", "::": "::1"][address.host] ?? address.host
        return address
    }
    /// The CA certificate in PEM, once the daemon has started.
    package var certificate: String? { running?.parts.services.authority.pem }
    /// The URL of the inspector, if there is one.
    package var inspectorAddress: String? { running?.inspector?.address }

    // MARK: Start

    /// Starts all parts; returns once clients are served.
    package func start() async throws(StartError) {
        DescriptorLimit.raise()
        MachineMemory.returnLargeBuffers()
        let inspector = try options.web ? BundledInspector(options) : nil
        let logFile = try openLogFile(options)
        let writer = try makeWriter(logFile)
        let log = Log(verbosity: options.termlogVerbosity, writer: writer)
        let (authority, keyLog) = try loadKeys(options)
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: options.threads > 0 ? options.threads : System.coreCount
        )
        let foundation = DaemonParts.Foundation(
            group: group,
            log: log,
            writer: writer,
            authority: authority,
            keyLog: keyLog
        )
        let parts = try DaemonParts(options, on: foundation) { Task { await self.stop(reason: "shutdown") } }
        if options.bindThreads { Self.bind(parts.loops) }
        log.setSink { parts.host.broadcast($0) }
        log.setTimer { [timer = group.next()] body in timer.scheduleTask(in: .seconds(1), body) }
        let startAddons = parts.addons.take(options.addons, insteadOf: [])
        let addonListener = try await parts.listenToAddons()
        do throws(StartError) {
            warnOfUnknownOptions(log)
            await startAddons()
            for addon in BundledAddon.wanted(by: options) { parts.addons.start(addon.spec) }
            if let inspector { parts.addons.start(inspector.spec) }
            await waitForAddons(parts)
            if !isToStop { try await parts.options.openListeners() }
        } catch {
            parts.supervisor.stop()
            await addonListener.stop()
            throw error
        }
        parts.services.connections.shareOut()
        for loop in parts.loops { TimeKeeper(loop).start() }
        for warning in StartWarnings(parts.host.options.current).all { log.warn(warning) }
        let running = Running(parts: parts, addonListener: addonListener, logFile: logFile, inspector: inspector)
        let earlyStop = guarded.withLock { guarded in
            guarded.state = .running(running)
            return guarded.earlyStop
        }
        if let earlyStop { return await stop(reason: earlyStop) }
        parts.host.announceRunning { parts.proxyListeners.listing }
    }

    private var isToStop: Bool { guarded.withLock { $0.earlyStop != nil } }

    private func warnOfUnknownOptions(_ log: Log) {
        for option in options.deferred {
            let place = option.origin ?? ""
            log.warn("unknown option \(option.name) (\(place)); it is kept in case an addon declares it")
        }
    }

    private func openLogFile(_ options: Options) throws(StartError) -> LogFile? {
        do throws(FileError) {
            return try options.logFile.map { path throws(FileError) in try LogFile(path: path.path) }
        } catch {
            throw StartError("\(error)")
        }
    }

    private func makeWriter(_ logFile: LogFile?) throws(StartError) -> OutputWriter {
        do {
            return try OutputWriter(stdout: stdout, stderr: logFile?.file.number ?? STDERR_FILENO)
        } catch {
            throw StartError("cannot write: \(error)")
        }
    }

    private func loadKeys(_ options: Options) throws(StartError) -> (CertificateAuthority, KeyLog?) {
        do throws(TLSError) {
            let authority = try loadAuthority(options)
            let path = ProcessInfo.processInfo.environment["SSLKEYLOGFILE"].flatMap { $0.isEmpty ? nil : $0 }
            guard let path else { return (authority, nil) }
            return (authority, try KeyLog(path: path))
        } catch {
            throw StartError(error.message)
        }
    }

    private func loadAuthority(_ options: Options) throws(TLSError) -> CertificateAuthority {
        let folder = options.confdir.path
        guard options.requireCA else { return try .loadOrCreate(in: folder) }
        if let authority = try CertificateAuthority.load(in: folder) { return authority }
        throw TLSError(
            .authorityFiles,
            blame: .configuration,
            "there is no CA: \(CertificateAuthority.path(in: folder)) does not exist, and require_ca forbids creating one"
        )
    }

    /// Binds each loop to its own core if there are enough. Threads tend to stay where they have run, so two loops may
    /// otherwise share a core while another is idle.
    private static func bind(_ loops: [FlowLoop]) {
        guard let cores = CoreSet.ofDaemon?.cores, cores.count == loops.count else { return }
        for (loop, core) in zip(loops, cores) { loop.eventLoop.execute { CoreSet(core: core).bindThread() } }
    }

    /// Waits for addons, so that a guard protects from the first connection on.
    private func waitForAddons(_ parts: DaemonParts) async {
        let seconds = options.addonStartTimeout
        let isToStop = guarded.withLock { guarded in
            guarded.hasten = { parts.host.stopWaiting() }
            return guarded.earlyStop != nil
        }
        if isToStop { return }
        let missing = await parts.host.waitForDeclared(within: .seconds(Int64(seconds)), on: parts.group.next())
        guard !missing.isEmpty, !self.isToStop else { return }
        parts.log.warn(
            "listening without \(missing.joined(separator: ", ")): not ready within addon_start_timeout (\(seconds) s)"
        )
    }

    // MARK: Stop

    /// Stops accepting, gives running flows `drain_timeout` to finish, sends `done` to the addons, and ends. A daemon
    /// that is still starting stops right after its start, without waiting for addons.
    package func stop(reason: String) async {
        let (running, hasten) = guarded.withLock { guarded -> (Running?, (() -> Void)?) in
            switch guarded.state {
            case .starting:
                guarded.earlyStop = guarded.earlyStop ?? reason
                return (nil, guarded.hasten)
            case .running(let running):
                guarded.state = .stopping
                return (running, nil)
            case .stopping, .stopped: return (nil, nil)
            }
        }
        hasten?()
        guard let running else { return await waitUntilStopped() }
        running.parts.log.info("stopping: \(reason)")
        await running.parts.proxyListeners.stop()
        await drain(running.parts)
        await running.parts.host.leave(reason: reason)
        await running.parts.host.flows.watch.end()
        running.parts.supervisor.stop()
        await running.parts.supervisor.waitUntilEnded()
        await running.addonListener.stop()
        try? await running.parts.group.shutdownGracefully()
        running.parts.log.flush()
        running.parts.writer.close()
        let waiting = guarded.withLock { guarded in
            guarded.state = .stopped
            return guarded.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func drain(_ parts: DaemonParts) async {
        for loop in parts.loops {
            await loop.run { for client in $0.clients.all { client.stop() } }
        }
        let seconds = parts.host.options.current.drainTimeout
        if await clientsAreGone(parts.loops, within: .seconds(Int64(seconds))) { return }
        parts.log.warn("closing flows that still run after drain_timeout (\(seconds) s)")
        for loop in parts.loops {
            await loop.run { for client in $0.clients.all { client.cut() } }
        }
        _ = await clientsAreGone(parts.loops, within: .seconds(2))
    }

    /// Waits until no loop serves a client.
    ///
    /// - Returns: whether that happened in time.
    private func clientsAreGone(_ loops: [FlowLoop], within time: TimeAmount) async -> Bool {
        let deadline = NIODeadline.now() + time
        for loop in loops {
            let gone = loop.eventLoop.flatSubmit { loop.clients.areGone(by: deadline, on: loop.eventLoop) }
            guard (try? await gone.get()) ?? false else { return false }
        }
        return true
    }

    /// Returns once the daemon has stopped.
    package func waitUntilStopped() async {
        await withCheckedContinuation { continuation in
            let isStopped = guarded.withLock { guarded in
                if case .stopped = guarded.state { return true }
                guarded.waiting.append(continuation)
                return false
            }
            if isStopped { continuation.resume() }
        }
    }
}
