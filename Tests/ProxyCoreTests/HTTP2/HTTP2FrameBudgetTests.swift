import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HTTP2FrameBudgetTests {
    private let start = NIODeadline.uptimeNanoseconds(1)

    private func spend(_ count: Int, of budget: inout HTTP2FrameBudget, at time: NIODeadline) throws {
        for _ in 0..<count { try budget.spend(at: time) }
    }

    @Test func theLimitHoldsForWhatIsNotEarned() throws {
        var budget = HTTP2FrameBudget()
        try spend(Limits.http2ControlFrames, of: &budget, at: start)
        #expect(throws: HTTP2Breach.self) { try budget.spend(at: start + Limits.http2RateWindow) }
    }

    @Test func theCountBeginsAnew() throws {
        var budget = HTTP2FrameBudget()
        try spend(Limits.http2ControlFrames, of: &budget, at: start)
        let later = start + Limits.http2RateWindow + .nanoseconds(1)
        try spend(Limits.http2ControlFrames, of: &budget, at: later)
        #expect(throws: HTTP2Breach.self) { try budget.spend(at: later) }
    }

    @Test func dataFramesWithoutDataCountInARow() throws {
        var budget = HTTP2FrameBudget()
        for _ in 0..<3 {
            for _ in 0..<Limits.http2EmptyDataFrames { try budget.note(dataIsEmpty: true) }
            try budget.note(dataIsEmpty: false)
            for _ in 0..<Limits.http2EmptyDataFrames { try budget.note(dataIsEmpty: true) }
            budget.earnBlock()
        }
        for _ in 0..<Limits.http2EmptyDataFrames { try budget.note(dataIsEmpty: true) }
        #expect(throws: HTTP2Breach.self) { try budget.note(dataIsEmpty: true) }
    }

    @Test(arguments: [
        ([0, 0, 0, 0, 0, 0, 0, 0, 1], true), ([0, 0, 1, 0, 0, 0, 0, 0, 1], false),
        ([0, 0, 1, 0, 8, 0, 0, 0, 1, 0], true), ([0, 0, 3, 0, 8, 0, 0, 0, 1, 2], true),
        ([0, 0, 3, 0, 8, 0, 0, 0, 1, 1], false), ([0, 0, 3, 0, 8, 0, 0, 0, 1], nil),
        ([0, 0, 0, 0, 8, 0, 0, 0, 1], true),
    ])
    func paddingIsNoData(bytes: [UInt8], expected: Bool?) throws {
        let buffer = ByteBuffer(bytes: [9] + bytes)
        #expect(try #require(HTTP2FrameHead(buffer, at: 1)).isWithoutData(buffer, at: 1) == expected)
    }

    @Test func trafficEarnsMore() throws {
        var budget = HTTP2FrameBudget()
        budget.earn(dataOf: 1)
        budget.earn(dataOf: 16384)
        budget.earnBlock()
        let earned = 6 * Limits.http2FramesPerData + Limits.http2FramesPerBlock
        try spend(earned + Limits.http2ControlFrames, of: &budget, at: start)
        #expect(throws: HTTP2Breach.self) { try budget.spend(at: start) }
    }
}
