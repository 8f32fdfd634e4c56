import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonOrderTests {
    private func order(_ addons: [(String, Registration.Order)]) throws(ProtocolError) -> [String] {
        try AddonOrder.order(addons.map { (name: $0.0, order: $0.1) }).map { addons[$0].0 }
    }

    private func want(priority: Int = 0, after: [String] = [], before: [String] = []) -> Registration.Order {
        var order = Registration.Order()
        order.priority = priority
        order.after = after
        order.before = before
        return order
    }

    @Test func arrivalDecidesAmongEquals() throws {
        #expect(try order([("a", want()), ("b", want()), ("c", want())]) == ["a", "b", "c"])
    }

    @Test func higherPriorityComesFirst() throws {
        #expect(try order([("a", want(priority: -1)), ("b", want()), ("c", want(priority: 5))]) == ["c", "b", "a"])
    }

    @Test func demandsGoBeforePriority() throws {
        let addons = [
            ("late", want(priority: 9, after: ["auth"])), ("auth", want()), ("first", want(before: ["auth"])),
        ]
        #expect(try order(addons) == ["first", "auth", "late"])
    }

    @Test func absentNamesDemandNothing() throws {
        #expect(try order([("a", want(after: ["ghost"])), ("b", want())]) == ["a", "b"])
    }

    @Test func demandsHoldForAllOfAName() throws {
        let addons = [
            ("late", want(after: ["a", "a"])), ("a", want(before: ["a", "late"])), ("b", want()), ("a", want()),
        ]
        #expect(try order(addons) == ["a", "b", "a", "late"])
    }

    @Test func aCycleIsRefusedWithItsMembers() {
        let error = #expect(throws: ProtocolError.self) {
            try order([("a", want(after: ["b"])), ("b", want(after: ["a"])), ("c", want())])
        }
        #expect(error?.message.contains("a, b") ?? false)
    }
}
