import NIOCore

/// Runs tasks on one event loop: a job that becomes ready on the loop runs at once, without a detour.
///
/// Jobs never nest: one that becomes ready while another runs waits until that one suspends, so that straight-line
/// code is only ever interrupted where it awaits. It has to outlive its tasks, since it ends the last one within `run`.
final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    let eventLoop: any EventLoop
    // Both are touched on `eventLoop` alone.
    @exclusivity(unchecked) private var isRunning = false
    @exclusivity(unchecked) private var ready = CircularBuffer<UnownedJob>(initialCapacity: 16)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if eventLoop.inEventLoop {
            run(job)
        } else {
            eventLoop.execute { self.run(job) }
        }
    }

    private func run(_ job: UnownedJob) {
        guard !isRunning else { return ready.append(job) }
        isRunning = true
        let executor = asUnownedTaskExecutor()
        job.runSynchronously(on: executor)
        while let next = ready.popFirst() { next.runSynchronously(on: executor) }
        isRunning = false
    }
}
