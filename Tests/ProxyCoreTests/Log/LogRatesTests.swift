import NIOCore
import Testing

@testable import ProxyCodecs
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
        let later = [("b", start), ("a", start + .seconds(1)), ("a", start + .seconds(1))].map {
            rates.judge($0, at: $1)
        }
        #expect(later == [.shown(leftOut: 0), .shown(leftOut: 3), .shown(leftOut: 0)])
    }

    @Test func `what was left out is told once, when its second is over`() {
        var rates = LogRates()
        for _ in 0..<Limits.logEntriesPerSecond + 2 { _ = rates.judge("a", at: start) }
        let told = [999, 1_000, 2_000].map {
            rates.takeLeftOut(at: start + .milliseconds($0)).map { "\($0.source) \($0.count)" }
        }
        #expect(told == [[], ["a 2"], []])
    }

    @Test func `many sources at once share what is left`() {
        var rates = LogRates()
        var shown = 0
        for number in 0..<2_000 {
            if case .shown = rates.judge("\(number)", at: start) { shown += 1 }
        }
        #expect(shown <= 1024 + Limits.logEntriesPerSecond)
        let later = rates.judge("new", at: start + .seconds(1))
        #expect(later == .shown(leftOut: 0))
    }
}
