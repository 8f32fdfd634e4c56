import NIOCore
import Synchronization

/// Keeps the addons running that the daemon starts. One that exits is restarted, with growing delays.
final class AddonSupervisor: Sendable {
    /// The addons to run, and their processes.
    private struct State {
        /// The addons to run, by name; each process of an addon has its own name.
        var specs: [String: AddonSpec] = [:]
        var processes: [String: (process: AddonProcess, spec: AddonSpec, start: Int)] = [:]
        /// Counts starts, which distinguishes a process from an earlier one of the same name.
        var starts = 0
        var backoffs: [String: RestartBackoff] = [:]
        /// Processes to restart at once when they have ended.
        var reloading: Set<String> = []
        /// Starts whose processes the daemon ended, with its reasons.
        var ended: [Int: String] = [:]
        var isStopping = false
        /// Waits for the end of all processes.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let socketPath: String
    private let tokens: AddonTokens
    private let timers: any EventLoop
    private let options: OptionStore
    private let log: Log
    private let program: String?
    /// Told of what becomes of the process of a seat.
    private let note: @Sendable (Seat.Absence, _ reason: String?, _ name: String) -> Void
    private let state = Mutex(State())

    /// - Parameter program: where proxyd is, if this program is another.
    init(
        socketPath: String,
        tokens: AddonTokens,
        timers: any EventLoop,
        options: OptionStore,
        log: Log,
        program: String? = nil,
        note: @escaping @Sendable (Seat.Absence, _ reason: String?, _ name: String) -> Void
    ) {
        self.socketPath = socketPath
        self.tokens = tokens
        self.timers = timers
        self.options = options
        self.log = log
        self.program = program
        self.note = note
    }

    /// Starts a process that `change` has named. A process that cannot be started is retried like one that exits.
    func start(_ spec: AddonSpec) {
        let began = ContinuousClock.now
        let number = state.withLock { state -> Int? in
            guard !state.isStopping, state.specs[spec.name] == spec else { return nil }
            state.starts += 1
            return state.starts
        }
        guard let start = number else { return }
        let process: AddonProcess
        do {
            process = try AddonProcess(spec, socketPath: socketPath, log: log, program: program) { status in
                self.exited(spec, start, "\(status)", after: .now - began)
            }
        } catch {
            return exited(spec, start, "cannot be started: \(error)", after: .zero)
        }
        tokens.expect(spec, token: process.token)
        let isWanted = state.withLock { state in
            guard !state.isStopping, state.specs[spec.name] == spec else { return false }
            state.processes[spec.name] = (process, spec, start)
            return true
        }
        guard isWanted else { return end(process) }
        endUnlessItComes(process, spec, start)
        note(.starting, nil, spec.name)
        log.info("started, pid \(process.pid)", source: "addon:" + spec.name)
    }

    private func end(_ process: AddonProcess) {
        tokens.forget(process.token)
        process.terminate()
    }

    /// Ends, and so restarts, a process that does not connect to the socket in time.
    private func endUnlessItComes(_ process: AddonProcess, _ spec: AddonSpec, _ start: Int) {
        let seconds = options.current.addonStartTimeout
        timers.scheduleTask(in: .seconds(Int64(seconds))) {
            guard self.tokens.isExpected(process.token), self.runs(process) else { return }
            let reason = "has not connected within addon_start_timeout (\(seconds) s)"
            self.log.warn("\(reason); ending it", source: "addon:" + spec.name)
            self.state.withLock { $0.ended[start] = reason }
            process.terminate()
        }
    }

    private func runs(_ process: AddonProcess) -> Bool {
        state.withLock { $0.processes.values.contains { $0.process === process } }
    }

    private func exited(_ spec: AddonSpec, _ start: Int, _ status: String, after uptime: Duration) {
        defer { resumeIfAllEnded() }
        let (isLast, ended, next) = state.withLock { state -> (Bool, String?, (spec: AddonSpec, delay: Duration)?) in
            let ended = state.ended.removeValue(forKey: start)
            let process = state.processes[spec.name]
            guard process.map({ $0.start == start }) ?? true else { return (false, ended, nil) }
            if let process { tokens.forget(process.process.token) }
            state.processes[spec.name] = nil
            guard !state.isStopping, let next = state.specs[spec.name] else { return (true, ended, nil) }
            if state.reloading.remove(spec.name) != nil { return (true, "reload", (next, .zero)) }
            guard next == spec else { return (true, ended, nil) }
            let delay = state.backoffs[spec.name, default: RestartBackoff()].delay(afterUptime: uptime)
            return (true, ended, (spec, delay))
        }
        guard isLast else { return }
        note(.away, ended ?? status, spec.name)
        guard let (spec, delay) = next else { return }
        noteRestart(of: spec, status, endedBecause: ended, in: delay.components.seconds)
        timers.scheduleTask(in: .seconds(delay.components.seconds)) {
            // Starting a process takes too long for a loop.
            Task { if self.isMissing(spec, since: start) { self.start(spec) } }
        }
    }

    /// - Parameter reason: why the daemon ended it, in which case its exit status means nothing.
    private func noteRestart(of spec: AddonSpec, _ status: String, endedBecause reason: String?, in seconds: Int64) {
        let source = "addon:" + spec.name
        if let reason { return log.info("restarting in \(seconds) s: \(reason)", source: source) }
        log.warn("\(status); restarting in \(seconds) s", source: source)
    }

    /// Whether the addon should run, and has not been restarted since the start that has ended.
    private func isMissing(_ spec: AddonSpec, since start: Int) -> Bool {
        state.withLock { state in
            let hasSuccessor = state.processes[spec.name].map { $0.start != start } ?? false
            return !state.isStopping && state.specs[spec.name] == spec && !hasSuccessor
        }
    }

    // MARK: While the daemon runs. Names are those of addons, or of single processes

    /// Whether the daemon keeps an addon of this name running.
    func has(_ name: String) -> Bool { state.withLock { $0.specs.values.contains { $0.belongs(to: name) } } }

    /// Runs addons as these entries say, and stops running those named in `vanished`.
    ///
    /// - Returns: the processes that must end, which are replaced as needed when they do; and further addons to start.
    func change(
        to entries: [AddonSpec],
        without vanished: [String]
    ) -> (ending: [AddonProcess], starting: [AddonSpec]) {
        let names = vanished + entries.map(\.name)
        let instances = entries.flatMap(\.instances)
        return state.withLock { state in
            let ending = state.processes.filter { _, running in names.contains(where: running.spec.belongs) }
            state.specs = state.specs.filter { _, spec in !names.contains(where: spec.belongs) }
            for instance in instances {
                state.specs[instance.name] = instance
                state.backoffs[instance.name] = nil
            }
            let replaced = Set(instances.map(\.name)).intersection(ending.keys)
            state.reloading.subtract(ending.keys)
            state.reloading.formUnion(replaced)
            return (ending.values.map(\.process), instances.filter { !replaced.contains($0.name) })
        }
    }

    /// Stops restarting the addon.
    ///
    /// - Returns: its processes, which are still running.
    func forget(_ name: String) -> [AddonProcess] { change(to: [], without: [name]).ending }

    /// Makes the addon's processes restart without delay when they end.
    ///
    /// - Returns: the processes.
    func expectReload(_ name: String) -> [AddonProcess] {
        state.withLock { state in
            let running = state.processes.filter { $0.value.spec.belongs(to: name) }
            state.reloading.formUnion(running.keys)
            return running.values.map(\.process)
        }
    }

    /// Ends processes, and invalidates their tokens.
    func terminate(_ processes: [AddonProcess]) {
        for process in processes { end(process) }
    }

    /// The addon whose pool the process group belongs to.
    func pool(ofGroup group: Int32) -> String? {
        state.withLock { $0.processes.values.first { $0.process.guardian.group == group }?.spec.pool }
    }

    // MARK: Stop

    /// Ends all processes, and starts none any more.
    func stop() {
        let running = state.withLock { state in
            state.isStopping = true
            return state.processes.values.map(\.process)
        }
        for process in running { process.terminate() }
    }

    /// Waits until every process has ended.
    func waitUntilEnded() async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append(continuation) }
            resumeIfAllEnded()
        }
    }

    private func resumeIfAllEnded() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard state.processes.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
