import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct WaitHistogramTests {
    @Test func `without waits every percentile is 0`() {
        #expect(WaitHistogram().percentile(99) == 0)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 31, 32, 100, 1_000, 65_535, 1_000_000, 60_000_000])
    func `a wait is found again, at most an eighth too long`(_ microseconds: Int) {
        var histogram = WaitHistogram()
        histogram.add(microseconds)
        for percent in [1, 50, 99, 100] {
            let found = histogram.percentile(percent)
            #expect(found >= microseconds && found <= microseconds + microseconds / 8)
        }
    }

    @Test func `percentiles of many waits`() {
        var histogram = WaitHistogram()
        for microseconds in 1...1000 { histogram.add(microseconds) }
        #expect((500...563).contains(histogram.percentile(50)))
        #expect((950...1069).contains(histogram.percentile(95)))
        #expect((990...1114).contains(histogram.percentile(99)))
    }

    @Test func `waits beyond all buckets count in the last`() {
        var histogram = WaitHistogram()
        histogram.add(.max)
        histogram.add(-1)
        #expect(histogram.percentile(1) == 0)
        #expect(histogram.percentile(100) > 60_000_000)
    }

    @Test func `two together are the waits of both`() {
        var (first, second) = (WaitHistogram(), WaitHistogram())
        first.add(10)
        second.add(15)
        first.add(second)
        second.add(first)
        #expect(first.percentile(50) == 10 && first.percentile(100) == 15)
        #expect(second.percentile(34) == 15)
    }
}
