import NIOCore

/// Counts an addon's unanswered calls, and lets one task wait for them. Confined to its loop.
final class OpenCalls: @unchecked Sendable {
    private(set) var count = 0
    private var waiter: UnsafeContinuation<Void, Never>?

    /// Counts a call.
    func begin() {
        count += 1
    }

    /// Counts the answer to a call, and resumes the waiting task after the last one.
    func end() {
        count -= 1
        if count == 0 { resume() }
    }

    /// Waits until none is left, but no longer than `time`. Only one task may wait at a time.
    func untilAnswered(within time: TimeAmount, on loop: LoopContext) async {
        guard count > 0 else { return }
        let timer = loop.eventLoop.scheduleTask(in: time) { self.resume() }
        await withUnsafeContinuation { waiter = $0 }
        timer.cancel()
    }

    private func resume() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }
}
