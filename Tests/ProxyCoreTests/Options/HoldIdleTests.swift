import AddonProtocol
import Testing

@testable import ProxyCore

struct HoldIdleTests {
    @Test(
        arguments: [
            (.array([2]), HoldIdle(request: 2, response: 2)), (.array([1, 20]), HoldIdle(request: 1, response: 20)),
            (5, HoldIdle(request: 5, response: 5)),
        ] as [(JSONValue, HoldIdle)]
    )
    func `one number is for both`(value: JSONValue, expected: HoldIdle) throws {
        let (options, _) = try Options().applying(["hold_idle": value])
        #expect(options.holdIdle == expected)
    }

    @Test(arguments: [[], [0], [1, 2, 3], [3_601], ["x"], [1, "x"], "1"] as [JSONValue])
    func `what is refused`(value: JSONValue) {
        #expect(throws: OptionError.self) { try Options().applying(["hold_idle": value]) }
    }
}
