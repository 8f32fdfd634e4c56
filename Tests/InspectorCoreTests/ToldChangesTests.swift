import AddonProtocol
import Testing

@testable import InspectorCore

@Suite struct ToldChangesTests {
    private func flows(_ ids: String...) -> [JSONValue] { ids.map { ["id": .string($0)] } }

    @Test func `notifications count up, and what is older is nothing new`() {
        var told = ToldChanges()
        #expect(told.notified(3, after: 0, of: flows("a")) == .next)
        #expect(told.notified(5, after: 3, of: flows("b")) == .next)
        #expect(told.notified(5, after: 3, of: flows("b")) == .old)
        #expect(told.notified(4, after: 3, of: flows("b")) == .old)
        #expect(!told.lacks && told.ask() == 5)
    }

    @Test func `after a loss all is asked for since the last before it`() {
        var told = ToldChanges()
        _ = told.notified(3, after: 0, of: [])
        #expect(told.notified(9, after: 7, of: flows("a")) == .afterLoss)
        #expect(told.notified(12, after: 9, of: flows("a")) == .next)
        #expect(told.notified(20, after: 15, of: flows("a")) == .afterLoss)
        #expect(told.lacks && told.ask() == 3)
        #expect(!told.lacks)
    }

    @Test func `an answer that is older than a notification does not undo it`() {
        var told = ToldChanges()
        #expect(told.ask() == 0)
        #expect(told.notified(4, after: 0, of: flows("older")) == .next)
        #expect(told.notified(8, after: 4, of: flows("newer")) == .next)
        told.answered(6)
        #expect(told.take(flows("older", "newer", "other"), 6) == flows("older", "other"))
        #expect(told.notified(7, after: 6, of: flows("x")) == .old)
        // What was reported before does not matter for the next answer.
        #expect(told.ask() == 8)
        #expect(told.take(flows("newer"), 6) == flows("newer"))
    }

    @Test func `an answer covers the notifications that come after it and are older`() {
        var told = ToldChanges()
        _ = told.ask()
        told.answered(10)
        #expect(told.notified(9, after: 5, of: flows("a")) == .old)
        #expect(told.notified(11, after: 10, of: flows("a")) == .next)
        #expect(told.take(flows("a", "b"), 10) == flows("b"))
    }

    @Test func `a call that fails leaves nothing behind`() {
        var told = ToldChanges()
        _ = told.ask()
        _ = told.notified(4, after: 0, of: flows("a"))
        #expect(told.take(nil) == [])
        _ = told.ask()
        #expect(told.take(flows("a"), 2) == flows("a"))
    }
}
