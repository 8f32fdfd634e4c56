import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LoopExecutorTests {
    /// What happened on the loop, in order.
    private final class Record: @unchecked Sendable {
        var entries: [String] = []
        var waiting: UnsafeContinuation<Void, Never>?
    }

    @Test func aResumeOnTheLoopRunsBeforeTheLoopGoesOnAndNeverInsideAnotherJob() async throws {
        let executor = LoopExecutor.shared
        let eventLoop = executor.eventLoop
        let record = Record()
        let task = Task(executorPreference: executor) {
            #expect(eventLoop.inEventLoop)
            await withUnsafeContinuation { record.waiting = $0 }
            record.entries.append("resumed")
            #expect(eventLoop.inEventLoop)
        }
        try await eventLoop.submit {}.get()
        let other = Task(executorPreference: executor) {
            record.entries.append("job begins")
            record.waiting?.resume()
            record.entries.append("job ends")
        }
        await other.value
        await task.value
        #expect(record.entries == ["job begins", "job ends", "resumed"])
    }

    @Test func aResumeFromACallbackRunsAtOnce() async throws {
        let executor = LoopExecutor.shared
        let eventLoop = executor.eventLoop
        let record = Record()
        let task = Task(executorPreference: executor) {
            await withUnsafeContinuation { record.waiting = $0 }
            record.entries.append("resumed")
        }
        try await eventLoop.submit {}.get()
        try await eventLoop.submit {
            record.waiting?.resume()
            record.entries.append("callback goes on")
        }.get()
        await task.value
        #expect(record.entries == ["resumed", "callback goes on"])
    }
}
