import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct TimeKeeperTests {
    private func period(_ change: (inout Options) -> Void) -> TimeAmount {
        var options = Options()
        change(&options)
        return TimeKeeper.period(OptionSnapshot(options))
    }

    @Test func `it looks as often as the shortest time needs`() {
        #expect(period { _ in } == .seconds(5))
        #expect(period { $0.headTimeout = 1 } == .milliseconds(250))
        #expect(period { $0.flowTimeout = 8 } == .seconds(2))
        #expect(period { $0.requestTimeout = 2 } == .milliseconds(500))
        #expect(period { $0.tcpTimeout = 4 } == .seconds(5))
    }
}
