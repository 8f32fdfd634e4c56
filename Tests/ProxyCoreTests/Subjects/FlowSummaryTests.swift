import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowSummaryTests {
    private func flows(_ ids: String...) -> [FlowSummary] {
        ids.enumerated().map { FlowSummary(place: FlowCursor(created: Double($0), id: $1), json: .string($1)) }
    }

    @Test func `pages go from the newest to the oldest`() {
        let all = flows("a", "b", "c", "d", "e")
        let first = FlowPage(all, before: nil, limit: 2)
        #expect(first.rows == ["e", "d"] && first.total == 5)
        let second = FlowPage(all, before: first.next.flatMap(FlowCursor.init(parsing:)), limit: 2)
        #expect(second.rows == ["c", "b"] && second.total == 5)
        let third = FlowPage(all, before: second.next.flatMap(FlowCursor.init(parsing:)), limit: 2)
        #expect(third.rows == ["a"] && third.next == nil)
    }

    @Test func `flows of the same time are told apart by their ids`() {
        let all = ["a", "b", "c"].map { FlowSummary(place: FlowCursor(created: 1, id: $0), json: .string($0)) }
        let first = FlowPage(all, before: nil, limit: 2)
        #expect(first.rows == ["c", "b"])
        #expect(FlowPage(all, before: first.next.flatMap(FlowCursor.init(parsing:)), limit: 2).rows == ["a"])
    }

    @Test func `a page of none has no next to go to but where it began`() {
        let before = FlowCursor(created: 1, id: "b")
        #expect(FlowPage(flows("a", "b", "c"), before: before, limit: 0).next == before.text)
        #expect(FlowPage([], before: nil, limit: 10).next == nil)
    }

    @Test(arguments: ["", "1", "x/a", "nan/a", "inf/a"]) func `what is no cursor is refused`(_ text: String) {
        #expect(FlowCursor(parsing: text) == nil)
    }

    @Test func `a cursor reads what it wrote`() {
        let cursor = FlowCursor(created: 1_767_225_600.123456, id: "a/b")
        #expect(FlowCursor(parsing: cursor.text) == cursor)
    }
}
