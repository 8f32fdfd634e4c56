import Foundation
import Glibc
import NIOCore
import NIOPosix
import ProxyTLS
import Synchronization

/// The daemon's version, as `--version` and `initialize` give it.
package let proxydVersion = "0.1.0"

/// The whole daemon: starts its parts in order, and stops them in the opposite one.
package final class Daemon: Sendable {
    struct Parts {
        var group: MultiThreadedEventLoopGroup
        var loops: [LoopContext]
        var host: AddonHost
        var addonListener: AddonListener
        var options: OptionControl
        var proxyListeners: ProxyListeners
        var supervisor: AddonSupervisor
        var log: Log
        var writer: OutputWriter
        var logFile: LogFile?
    }

    enum State {
        case idle
        case running(Parts)
        case stopping
        case stopped
    }

    struct Guarded {
        var state = State.idle
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// As they were read last.
        var configured: Options
        var reloading: Task<Void, Never>?
    }

    private let options: Options
    let guarded: Mutex<Guarded>

    /// - Parameter options: those at the start.
    package init(options: Options) {
        self.options = options
        guarded = Mutex(Guarded(configured: options))
    }

    var parts: Parts? {
        guarded.withLock { if case .running(let parts) = $0.state { parts } else { nil } }
    }

    /// How and where clients are served, once it has started, a line for each listener.
    package var listenerLines: [String] { parts?.proxyListeners.all.map(\.description) ?? [] }
    package var addonSocketPath: String { options.addonSocketPath }

    // MARK: Start

    package func start() async throws(StartError) {
        DescriptorLimit.raise()
        MachineMemory.returnLargeBuffers()
        let logFile = try openLogFile(options)
        let writer = try makeWriter(logFile)
        let log = Log(verbosity: options.termlogVerbosity, writer: writer)
        let (authority, keyLog) = try loadKeys(options)
        let material = Published(try OptionMaterial(options))
        let group = MultiThreadedEventLoopGroup(
            numberOfThreads: options.threads > 0 ? options.threads : System.coreCount
        )
        let store = OptionStore(options)
        let chain = Published(Chain())
        let flows = FlowTable(group, history: FlowHistory(), options: store, chain: chain, log: log)
        let loops = flows.loops
        if options.bindThreads { Self.bind(loops) }
        let host = AddonHost(chain: chain, flows: flows, options: store, material: material, log: log)
        let connections = Connections(options: store, log: log)
        let services = Services(
            options: store,
            log: log,
            connections: connections,
            printer: FlowPrinter(writer: writer),
            authority: authority,
            keyLog: keyLog,
            material: material
        )
        let listeners = ProxyListeners(group: group, loops: loops, services: services, writer: writer)
        let tokens = AddonTokens()
        let flowCalls = FlowCalls(flows: flows, host: host, services: services)
        let supervisor = AddonSupervisor(
            socketPath: options.addonSocketPath,
            tokens: tokens,
            timers: group.next(),
            options: store,
            log: log
        ) { host.note($0, of: $1) }
        let door = AddonDoor(path: options.addonSocketPath, try AddonAdmission(options))
        let addonControl = AddonControl(host: host, supervisor: supervisor)
        let optionControl = OptionControl(host: host, listeners: listeners, addons: addonControl, door: door)
        let calls = AddonCalls(
            host: host,
            flows: flowCalls,
            options: optionControl,
            addons: addonControl,
            tokens: tokens
        ) {
            Task { await self.stop(reason: "shutdown") }
        }
        log.setSink { host.broadcast($0) }
        log.setTimer { [timer = group.next()] body in timer.scheduleTask(in: .seconds(1), body) }
        let startAddons = addonControl.take(options.addons, insteadOf: [])
        let addonListener = try await AddonListener.start(
            at: door,
            group: group,
            connections: connections,
            reception: AddonReception(
                door: door,
                loops: loops,
                supervisor: supervisor,
                host: host,
                connections: connections,
                calls: calls
            )
        )
        for option in options.deferred {
            log.warn(
                "there is no option \(option.name) (\(option.origin ?? "")); it is kept in case an addon declares it"
            )
        }
        do throws(StartError) {
            await startAddons()
            await Self.waitForAddons(host, options, on: group.next(), log)
            try await optionControl.openListeners()
            connections.shareOut()
            for loop in loops { TimeKeeper(loop).start() }
            let parts = Parts(
                group: group,
                loops: loops,
                host: host,
                addonListener: addonListener,
                options: optionControl,
                proxyListeners: listeners,
                supervisor: supervisor,
                log: log,
                writer: writer,
                logFile: logFile
            )
            for warning in StartWarnings(store.current).all { log.warn(warning) }
            guarded.withLock { $0.state = .running(parts) }
            host.announceRunning()
        } catch {
            supervisor.stop()
            await addonListener.stop()
            throw error
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
            return try OutputWriter(stderr: logFile?.file.number ?? STDERR_FILENO)
        } catch {
            throw StartError("cannot write: \(error)")
        }
    }

    private func loadKeys(_ options: Options) throws(StartError) -> (CertificateAuthority, KeyLog?) {
        do throws(TLSError) {
            let authority = try CertificateAuthority.loadOrCreate(in: options.confdir.path)
            let path = ProcessInfo.processInfo.environment["SSLKEYLOGFILE"].flatMap { $0.isEmpty ? nil : $0 }
            guard let path else { return (authority, nil) }
            return (authority, try KeyLog(path: path))
        } catch {
            throw StartError(error.message)
        }
    }

    /// Gives each loop a core where there is one for each. Threads tend to stay where they have run, so that two loops may
    /// share a core while another is idle.
    private static func bind(_ loops: [LoopContext]) {
        guard let cores = CoreSet.ofDaemon?.cores, cores.count == loops.count else { return }
        for (loop, core) in zip(loops, cores) { loop.eventLoop.execute { CoreSet(core: core).bindThread() } }
    }

    /// A guard guards from the first connection on.
    private static func waitForAddons(_ host: AddonHost, _ options: Options, on loop: any EventLoop, _ log: Log) async {
        let seconds = options.addonStartTimeout
        let missing = await host.waitForDeclared(within: .seconds(Int64(seconds)), on: loop)
        guard !missing.isEmpty else { return }
        log.warn(
            "listening without \(missing.joined(separator: ", ")): not ready within addon_start_timeout, \(seconds) s"
        )
    }

    // MARK: Stop

    /// Stops accepting, lets running flows end for `drain_timeout`, says `done` to the addons, and ends.
    package func stop(reason: String) async {
        let running = guarded.withLock { guarded -> Parts? in
            guard case .running(let parts) = guarded.state else { return nil }
            guarded.state = .stopping
            return parts
        }
        guard let running else { return await waitUntilStopped() }
        running.log.info("stopping: \(reason)")
        await running.proxyListeners.stop()
        await drain(running)
        await running.host.leave(reason: reason)
        running.supervisor.stop()
        await running.supervisor.waitUntilEnded()
        await running.addonListener.stop()
        try? await running.group.shutdownGracefully()
        running.log.flush()
        running.writer.close()
        let waiting = guarded.withLock { guarded in
            guarded.state = .stopped
            return guarded.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func drain(_ running: Parts) async {
        for loop in running.loops {
            await loop.run { for client in $0.clients.values { client.stop() } }
        }
        let seconds = running.host.options.current.drainTimeout
        let deadline = ContinuousClock.now + .seconds(seconds)
        while await countClients(running.loops) > 0, .now < deadline {
            await running.group.next().wait(for: .milliseconds(10))
        }
        guard await countClients(running.loops) > 0 else { return }
        running.log.warn("flows still run after drain_timeout, \(seconds) s; they are cut off")
        for loop in running.loops {
            await loop.run { for client in $0.clients.values { client.cut() } }
        }
        let end = ContinuousClock.now + .seconds(2)
        while await countClients(running.loops) > 0, .now < end {
            await running.group.next().wait(for: .milliseconds(10))
        }
    }

    private func countClients(_ loops: [LoopContext]) async -> Int {
        var count = 0
        for loop in loops { count += await loop.run { $0.clients.count } }
        return count
    }

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
