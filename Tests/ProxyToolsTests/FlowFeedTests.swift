import AddonProtocol
import Testing

@testable import ProxyTools

struct FlowFeedTests {
    private func row(_ id: String, _ state: String, held: Bool = false) -> JSONValue {
        ["id": .string(id), "state": .string(state), "intercepted": .bool(held)]
    }

    private func news(_ seq: Int, after: Int, _ rows: JSONValue...) -> JSONValue {
        ["seq": .integer(seq), "after": .integer(after), "flows": .array(rows)]
    }

    @Test func showsAFlowWhenItHasEnded() {
        var feed = FlowFeed()
        feed.begin(["seq": 5, "flows": [row("known", "done"), row("open", "request")]])
        #expect(feed.take(news(6, after: 5, row("new", "request"), row("known", "done"))).rows == [])
        #expect(feed.take(news(8, after: 6, row("new", "done"), row("open", "done"))).rows.count == 2)
        #expect(feed.take(news(9, after: 8, row("new", "done"))).rows == [])
    }

    @Test func showsAFlowEachTimeThatItIsHeld() {
        var feed = FlowFeed()
        let (held, free) = (row("f", "request", held: true), row("f", "request"))
        #expect(feed.take(news(1, after: 0, held)).rows == [held])
        #expect(feed.take(news(2, after: 1, held)).rows == [] && feed.take(news(3, after: 2, free)).rows == [])
        #expect(feed.take(news(4, after: 3, held)).rows == [held])
    }

    @Test func noticesALoss() {
        var feed = FlowFeed()
        feed.begin(["seq": 5, "flows": []])
        #expect(feed.take(news(6, after: 5)).lostAfter == nil)
        #expect(feed.take(news(9, after: 8)).lostAfter == 6)
        #expect(feed.take(news(10, after: 9)).lostAfter == nil)
    }

    @Test func passesOverWhatAnAnswerHasToldAlready() {
        var feed = FlowFeed()
        feed.begin(["seq": 5, "flows": []])
        let (rows, lostAfter) = feed.take(news(5, after: 3, row("old", "done")))
        #expect(rows == [] && lostAfter == nil)
        #expect(feed.take(news(6, after: 3, row("new", "done"))).lostAfter == nil)
    }

    @Test func remembersNoMoreThanSoMany() {
        var feed = FlowFeed()
        for id in 0...FlowFeed.maximumRemembered { _ = feed.lines(of: [row("\(id)", "done")]) }
        #expect(feed.lines(of: [row("\(FlowFeed.maximumRemembered)", "done")]) == [])
    }
}
