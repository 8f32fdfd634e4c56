import Testing

@testable import ProxyRules

@Suite struct ThrottleTests {
    @Test(
        "a body is as long on its way as its bytes take",
        arguments: [
            (0, 8192, Duration.zero), (8192, 8192, .seconds(1)), (1 << 20, 2 << 20, .milliseconds(500)),
        ]
    )
    func time(bytes: Int, rate: Int, expected: Duration) { #expect(Throttle.time(of: bytes, at: rate) == expected) }

    /// A Content-Length may have any value.
    @Test func `no size is too large`() { #expect(Throttle.time(of: .max, at: 1) > .seconds(1)) }
}
