import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonStatisticsTests {
    @Test func `each event that something came of has its figures`() {
        var statistics = AddonStatistics()
        for milliseconds in [1, 2, 9] { statistics.answered(.request, after: .milliseconds(Int64(milliseconds))) }
        statistics.failed(.request)
        statistics.rejected(.response)
        let json = statistics.json
        #expect(json.members?.map(\.name) == ["request", "response"])
        let request = json["request"]
        #expect(request?["count"] == 3 && request?["total_us"] == 12_000 && request?["max_us"] == 9_000)
        #expect(request?["failures"] == 1 && request?["rejected"] == 0)
        #expect(json["response"]?["rejected"] == 1 && json["response"]?["count"] == 0)
    }

    @Test func `no percentile is over the longest wait`() throws {
        var statistics = AddonStatistics()
        for _ in 0..<99 { statistics.answered(.request, after: .microseconds(100)) }
        statistics.answered(.request, after: .milliseconds(50))
        let request = try #require(statistics.json["request"])
        let (half, most) = (try #require(request["p50_us"]?.intValue), try #require(request["p99_us"]?.intValue))
        #expect((50...200).contains(half) && half <= most && most <= 50_000)
        #expect(try #require(request["p95_us"]?.intValue) <= most)
    }

    @Test func `those of former connections are added`() {
        var (sum, other) = (AddonStatistics(), AddonStatistics())
        sum.answered(.request, after: .microseconds(5))
        other.answered(.request, after: .microseconds(7))
        other.failed(.error)
        other.lateReplies = 2
        sum.add(other)
        #expect(sum.json["request"]?["count"] == 2 && sum.json["request"]?["max_us"] == 7)
        #expect(sum.json["error"]?["failures"] == 1 && sum.lateReplies == 2)
    }
}
