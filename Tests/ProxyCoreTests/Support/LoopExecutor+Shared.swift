import NIOPosix

@testable import ProxyCodecs
@testable import ProxyCore

extension LoopExecutor {
    /// One that outlives all tests: a task does not keep the executor that it prefers, which may still be at work when
    /// the task has ended.
    static let shared = LoopExecutor(eventLoop: MultiThreadedEventLoopGroup.singleton.next())
}
