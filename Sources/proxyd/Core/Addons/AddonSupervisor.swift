import NIOCore
import Synchronization

/// Keeps the addons running that the daemon starts itself: one that exits is started again, later each time.
final class AddonSupervisor: Sendable {
    private struct State {
        /// What is to run, by name; each process of an addon has its own.
        var specs: [String: AddonSpec] = [:]
        var processes: [String: (process: AddonProcess, spec: AddonSpec, start: Int)] = [:]
        /// Counts the starts, which tells a process from a former one of the same name.
        var starts = 0
        var backoffs: [String: RestartBackoff] = [:]
        /// Those that are started again at once when they have ended.
        var reloading: Set<String> = []
        /// The starts that the daemon has ended by itself, and why.
        var ended: [Int: String] = [:]
        var isStopping = false
        /// Who waits until every process has ended.
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

    /// Starts a process that `change` has named. One that cannot be made is tried again, as one that exits is started again.
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

    /// A process that does not come to the socket in time is ended, and so started again.
    private func endUnlessItComes(_ process: AddonProcess, _ spec: AddonSpec, _ start: Int) {
        let seconds = options.current.addonStartTimeout
        timers.scheduleTask(in: .seconds(Int64(seconds))) {
            guard self.tokens.isExpected(process.token), self.runs(process) else { return }
            let reason = "has not connected within addon_start_timeout, \(seconds) s"
            self.log.warn("\(reason); it is ended", source: "addon:" + spec.name)
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
            // To make a process takes longer than a loop may be kept.
            Task { if self.isMissing(spec, since: start) { self.start(spec) } }
        }
    }

    /// - Parameter reason: why the daemon has ended it; how it ended then tells nothing.
    private func noteRestart(of spec: AddonSpec, _ status: String, endedBecause reason: String?, in seconds: Int64) {
        let source = "addon:" + spec.name
        if let reason { return log.info("is started again in \(seconds) s: \(reason)", source: source) }
        log.warn("\(status); started again in \(seconds) s", source: source)
    }

    /// Whether the addon is to run, and has not been started again since the start that has ended.
    private func isMissing(_ spec: AddonSpec, since start: Int) -> Bool {
        state.withLock { state in
            let hasSuccessor = state.processes[spec.name].map { $0.start != start } ?? false
            return !state.isStopping && state.specs[spec.name] == spec && !hasSuccessor
        }
    }

    // MARK: While the daemon runs; a name is that of an addon, or of one of its processes

    /// Whether the daemon keeps an addon of this name running.
    func has(_ name: String) -> Bool { state.withLock { $0.specs.values.contains { $0.belongs(to: name) } } }

    /// Has addons run as these entries say, and those of the names of `vanished` no more.
    ///
    /// - Returns: the processes that are to end, after which those that are to take their place are started; and what else
    ///   is to be started.
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

    /// Starts the addon no more.
    ///
    /// - Returns: its processes, which go on.
    func forget(_ name: String) -> [AddonProcess] { change(to: [], without: [name]).ending }

    /// When the addon's processes end they are started again without delay.
    ///
    /// - Returns: the processes.
    func expectReload(_ name: String) -> [AddonProcess] {
        state.withLock { state in
            let running = state.processes.filter { $0.value.spec.belongs(to: name) }
            state.reloading.formUnion(running.keys)
            return running.values.map(\.process)
        }
    }

    func terminate(_ processes: [AddonProcess]) {
        for process in processes { end(process) }
    }

    /// The addon of several processes of which the process group is one.
    func pool(ofGroup group: Int32) -> String? {
        state.withLock { $0.processes.values.first { $0.process.guardian.group == group }?.spec.pool }
    }

    // MARK: Stop

    /// Ends all processes; nothing is started any more.
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
