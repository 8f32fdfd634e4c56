import Synchronization

/// Keeps the addons running that the daemon starts itself: one that exits is started again, later each time.
final class AddonSupervisor: Sendable {
    private struct State {
        var processes: [String: AddonProcess] = [:]
        var backoffs: [String: RestartBackoff] = [:]
        var isStopping = false
    }

    private let socketPath: String
    private let tokens: AddonTokens
    private let log: Log
    private let state = Mutex(State())

    init(socketPath: String, tokens: AddonTokens, log: Log) {
        self.socketPath = socketPath
        self.tokens = tokens
        self.log = log
    }

    /// Starts an addon.
    ///
    /// - Throws: when no process can be made; an addon that fails later is started again.
    func start(_ spec: AddonSpec) throws(FileError) {
        let began = ContinuousClock.now
        let process = try AddonProcess(spec, socketPath: socketPath, log: log) { status in
            self.exited(spec, status, after: .now - began)
        }
        tokens.expect(spec, token: process.token)
        state.withLock { $0.processes[spec.name] = process }
        log.info("started, pid \(process.pid)", source: "addon:" + spec.name)
    }

    private func exited(_ spec: AddonSpec, _ status: AddonProcess.ExitStatus, after uptime: Duration) {
        let delay = state.withLock { state -> Duration? in
            state.processes[spec.name] = nil
            return state.isStopping
                ? nil : state.backoffs[spec.name, default: RestartBackoff()].delay(afterUptime: uptime)
        }
        guard let delay else { return }
        log.warn("\(status); started again in \(delay.components.seconds) s", source: "addon:" + spec.name)
        Task {
            try? await Task.sleep(for: delay)
            guard !self.state.withLock({ $0.isStopping }) else { return }
            do {
                try self.start(spec)
            } catch {
                self.log.error("cannot be started: \(error)", source: "addon:" + spec.name)
            }
        }
    }

    /// Ends all processes; nothing is started any more.
    func stop() {
        let running = state.withLock { state in
            state.isStopping = true
            return Array(state.processes.values)
        }
        for process in running { process.terminate() }
    }

    /// Waits until every process has ended.
    func waitUntilEnded() async {
        while state.withLock({ !$0.processes.isEmpty }) {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
