import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct MinuteNoticeTests {
    @Test func `what is said again is said once a minute`() {
        var notices = MinuteNotice()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        let heard = [0, 1, 59, 60, 61, 120].map { notices.isDue("a", now: start + .seconds($0)) }
        #expect(heard == [true, false, false, true, false, true])
        let other = notices.isDue("b", now: start)
        #expect(other)
    }

    @Test func `so many things are remembered, and no more are said`() {
        var notices = MinuteNotice()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        let heard = (0...Limits.rememberedNotices).filter { notices.isDue("\($0)", now: start) }
        #expect(heard.count == Limits.rememberedNotices)
        let later = notices.isDue("x", now: start + .minutes(1))
        #expect(later)
    }
}
