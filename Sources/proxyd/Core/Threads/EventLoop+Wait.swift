import NIOCore

extension EventLoop {
    /// Waits on the loop's own timer. `Task.sleep` and Dispatch take a descriptor for theirs, and the process ends when there
    /// is none left.
    func wait(for time: Duration) async {
        let (seconds, attoseconds) = time.components
        let nanoseconds = TimeAmount.nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        try? await scheduleTask(in: nanoseconds) {}.futureResult.get()
    }
}
