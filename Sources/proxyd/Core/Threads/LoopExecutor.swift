import NIOCore

/// Runs tasks on one event loop. A job that becomes ready on the loop runs at once.
///
/// Jobs never nest: one that becomes ready while another runs waits until that one suspends, so straight-line code is
/// only interrupted where it awaits. The executor must outlive its tasks, since the last of them ends within `run`.
final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    let eventLoop: any EventLoop
    // Accessed on `eventLoop` only.
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
