import AddonProtocol
import Testing

@testable import InspectorCore

struct LivePagesTests {
    private let store: FlowStore
    private let pages: LivePages

    init() throws {
        store = try FlowStore(path: nil, limit: 1 << 30)
        pages = LivePages(store, InspectorStatus())
    }

    private func rows(_ ids: ClosedRange<Int>, comment: String = "") throws -> [Int] {
        try store.take(
            rows: ids.map { ["id": .string("f\($0)"), "type": "http", "method": "GET", "comment": .string(comment)] }
        ).keys
    }

    private func events(_ page: LivePage) async throws -> [(name: String, data: JSONValue, id: Int?)] {
        let text = String(decoding: try #require(await page.next()), as: UTF8.self)
        return try text.split(separator: "\n\n").compactMap { event in
            let lines = event.split(separator: "\n").map {
                $0.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
            }
            func value(_ name: String) -> Substring? { lines.first { $0.first ?? "" == name }?.last }
            guard let name = value("event"), let data = value("data") else { return nil }
            return (String(name), try JSONReader.read(Array(data.utf8)), value("id").flatMap { Int($0) })
        }
    }

    @Test func `a page that falls behind gets the newest of each flow once`() async throws {
        let page = pages.open(.all, after: nil)
        for number in 0..<50 { pages.tell(try rows(1...3, comment: "\(number)")) }
        let told = try await events(page)
        let rows = try #require(told.first { $0.name == "rows" }?.data["flows"]?.arrayValue)
        #expect(rows.map { $0["comment"]?.stringValue } == ["49", "49", "49"])
        #expect(told.last?.name == "state" && told.last?.data["flows"] == 3)
    }

    @Test func `many are told in parts, the number with the last`() async throws {
        let page = pages.open(try FlowSelection(filter: "~m POST", search: nil), after: nil)
        pages.tell(try rows(1...1_200))
        var counts: [Int] = []
        var ids: [Int?] = []
        while counts.reduce(0, +) < 1_200 {
            for event in try await events(page) where event.name == "rows" {
                counts.append(event.data["flows"]?.arrayValue?.count ?? 0)
                ids.append(event.id)
                #expect(event.data["matching"] == [])
            }
        }
        #expect(counts == [500, 500, 200] && ids.prefix(2) == [nil, nil] && ids[2] != nil)
    }

    @Test func `a page that comes again is told what has changed since`() async throws {
        let page = pages.open(.all, after: nil)
        pages.tell(try rows(1...2))
        let last = try #require(try await events(page).first { $0.name == "rows" }?.id)
        pages.tell([2])
        let again = try await events(pages.open(.all, after: last))
        #expect(again.first { $0.name == "rows" }?.data["flows"]?.arrayValue?.compactMap { $0["key"]?.intValue } == [2])
        #expect(try await events(pages.open(.all, after: 1)).contains { $0.name == "missed" })
    }

    @Test func `what does not read takes no more than its keys, and what is too much is counted`() async throws {
        let page = pages.open(.all, after: nil)
        for start in stride(from: 0, to: 300_000, by: 10_000) { pages.tell(Array(start..<start + 10_000)) }
        #expect(try #require(try await events(page).first { $0.name == "missed" }?.data["count"]?.intValue) >= 200_000)
    }

    @Test func `a page that has gone is forgotten, also one that never read`() throws {
        let page = pages.open(.all, after: nil)
        #expect(pages.count == 1)
        do { _ = page.body }
        #expect(pages.count == 0)
    }

    @Test func `what is gone is told`() async throws {
        let page = pages.open(.all, after: nil)
        pages.tellGone([1, 2])
        pages.tellGone([3])
        pages.tellGone(before: 7)
        pages.tellGone(before: 5)
        let told = try await events(page).filter { $0.name == "gone" }.map(\.data)
        #expect(told == [["before": 7], ["keys": [1, 2, 3]]])
        pages.tellGone([9])
        pages.tellAllGone()
        #expect(try await events(page).filter { $0.name == "gone" }.map(\.data) == [["all": true]])
    }
}
