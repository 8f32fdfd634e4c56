import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessRestartBackoffTests {
    @Test func `doubles up to a minute, and starts anew after a good minute`() {
        var backoff = RestartBackoff()
        let quick = (0..<8).map { _ in backoff.delay(afterUptime: .milliseconds(5)) }
        #expect(quick == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.delay(afterUptime: .seconds(59)) == .seconds(60))
        #expect(backoff.delay(afterUptime: .seconds(60)) == .seconds(1))
        #expect(backoff.delay(afterUptime: .zero) == .seconds(2))
    }
}
