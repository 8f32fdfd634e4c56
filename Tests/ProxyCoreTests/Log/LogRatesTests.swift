import NIOCore
import Testing

@testable import ProxyCore

struct LogRatesTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test func `a source has so many entries in a second, and then a count`() {
        var rates = LogRates()
        let verdicts = (0..<Limits.logEntriesPerSecond + 3).map { _ in rates.judge("a", at: start) }
        #expect(verdicts.prefix(Limits.logEntriesPerSecond).allSatisfy { $0 == .shown(leftOut: 0) })
        #expect(
            verdicts.suffix(3) == [.leftOut(isFirst: true), .leftOut(isFirst: false), .leftOut(isFirst: false)]
        )
        #expect(rates.judge("b", at: start) == .shown(leftOut: 0))
        #expect(rates.judge("a", at: start + .seconds(1)) == .shown(leftOut: 3))
        #expect(rates.judge("a", at: start + .seconds(1)) == .shown(leftOut: 0))
    }

    @Test func `what was left out is told once, when its second is over`() {
        var rates = LogRates()
        for _ in 0..<Limits.logEntriesPerSecond + 2 { _ = rates.judge("a", at: start) }
        #expect(rates.takeLeftOut(at: start + .milliseconds(999)).isEmpty)
        let told = rates.takeLeftOut(at: start + .seconds(1))
        #expect(told.map(\.source) == ["a"] && told.map(\.count) == [2])
        #expect(rates.takeLeftOut(at: start + .seconds(2)).isEmpty)
    }

    @Test func `many sources at once share what is left`() {
        var rates = LogRates()
        var shown = 0
        for number in 0..<2_000 {
            if case .shown = rates.judge("\(number)", at: start) { shown += 1 }
        }
        #expect(shown <= 1024 + Limits.logEntriesPerSecond)
        #expect(rates.judge("new", at: start + .seconds(1)) != .leftOut(isFirst: true))
    }
}
