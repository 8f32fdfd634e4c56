import Synchronization

/// The most recently finished flows of all loops, which can still be inspected and replayed.
///
/// Bounded by the options `flow_history` and `flow_history_size`, which count the flows of all loops together. Each loop has
/// a part of its own, so that flows that end on different loops wait for no lock. To look at the other parts for every flow
/// would make loops wait for each other's memory. So each loop adds some flows before it does, and whoever reads the
/// history trims it first. Bytes are never over the limit. A flow is touched on its own loop alone.
final class FlowHistory: ForgettableMemory {
    private let parts: [FlowHistoryPart]
    /// Held by whoever trims, so that two do not forget the same excess twice.
    private let trimming = Mutex(())

    init(loops: Int) {
        parts = (0..<loops).map { _ in FlowHistoryPart() }
    }

    var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }
    private var count: Int { parts.reduce(0) { $0 + $1.count } }

    /// How many flows a loop adds before it looks at those of others.
    private func slack(_ limit: Int) -> Int { min(limit, max(Limits.untrimmedFlows, limit / (4 * parts.count))) }

    /// Adds a flow. Called on its loop, after its last event.
    ///
    /// - Parameters:
    ///   - loop: the loop's number.
    ///   - byteLimit: a flow whose bodies alone are larger is kept without them.
    func add(_ flow: any LiveFlow, on loop: Int, limit: Int, byteLimit: Int) {
        guard limit > 0 else { return trim(to: limit, byteLimit: byteLimit) }
        var use = flow.memoryUse
        if use.content > byteLimit {
            flow.forgetBodies()
            use.content = 0
        }
        let untrimmed = parts[loop].add(flow, byteCount: use.total)
        let isDue = untrimmed > slack(limit)
        guard isDue || use.total > 0 else { return }
        trim(to: isDue ? limit : .max, byteLimit: byteLimit)
        if isDue { parts[loop].isTrimmed() }
    }

    /// A flow in it has changed how much it keeps.
    func recount(_ flow: any LiveFlow, on loop: Int, byteLimit: Int) {
        guard parts[loop].recount(flow) else { return }
        trim(to: .max, byteLimit: byteLimit)
    }

    /// - Returns: how many of these flows there were.
    func forget(_ ids: Set<String>) -> Int {
        parts.reduce(0) { $0 + $1.forget(ids) }
    }

    /// Frees memory by forgetting the oldest flows.
    ///
    /// - Returns: whether at least `bytes` were freed.
    func forget(atLeast bytes: Int) -> Bool {
        let wanted = byteCount - bytes
        guard wanted >= 0 else { return false }
        trim(to: .max, byteLimit: wanted)
        return true
    }

    /// The flows that ended on one loop, the oldest first.
    func flows(of loop: Int, limit: Int, byteLimit: Int) -> [any LiveFlow] {
        trim(to: limit, byteLimit: byteLimit)
        return parts[loop].flows
    }

    func flow(_ id: String, of loop: Int, limit: Int, byteLimit: Int) -> (any LiveFlow)? {
        trim(to: limit, byteLimit: byteLimit)
        return parts[loop].flow(id)
    }

    /// Forgets the oldest flows of all loops until both limits are kept.
    private func trim(to limit: Int, byteLimit: Int) {
        guard count > limit || byteCount > byteLimit else { return }
        trimming.withLock { _ in
            var (count, bytes) = (count, byteCount)
            let mostNeeded = bytes > byteLimit ? count : max(count - limit, 0)
            var cut: UInt64 = 0
            for oldest in parts.flatMap({ $0.oldest(mostNeeded) }).sorted(by: { $0.ended < $1.ended }) {
                guard count > limit || bytes > byteLimit else { break }
                count -= 1
                bytes -= oldest.byteCount
                cut = oldest.ended
            }
            for part in parts { part.forget(through: cut) }
        }
    }
}
