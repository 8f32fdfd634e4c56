import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HoldIdleTests {
    @Test(
        arguments: [
            (.array([.integer(2)]), HoldIdle(request: 2, response: 2)),
            (.array([.integer(1), .integer(20)]), HoldIdle(request: 1, response: 20)),
            (.integer(5), HoldIdle(request: 5, response: 5)),
        ] as [(JSONValue, HoldIdle)]
    )
    func `one number is for both`(value: JSONValue, expected: HoldIdle) throws {
        let (options, _) = try Options().applying(["hold_idle": value])
        #expect(options.holdIdle == expected)
    }

    @Test(arguments: [[], [0], [1, 2, 3], [3_601]])
    func `what is refused`(seconds: [Int]) {
        let value = JSONValue.array(seconds.map { .integer($0) })
        #expect(throws: OptionError.self) { try Options().applying(["hold_idle": value]) }
    }

    @Test func `what is no number is refused`() {
        for value in [JSONValue.string("1"), .array([.string("x")]), .array([.integer(1), .string("x")])] {
            #expect(throws: OptionError.self) { try Options().applying(["hold_idle": value]) }
        }
    }
}
