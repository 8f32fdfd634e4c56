import NIOPosix

@testable import ProxyCodecs
@testable import ProxyCore

extension LoopExecutor {
    /// An executor that outlives all tests: a task does not retain its preferred executor, which may still be running when
    /// the task has ended.
    static let shared = LoopExecutor(eventLoop: MultiThreadedEventLoopGroup.singleton.next())
}
