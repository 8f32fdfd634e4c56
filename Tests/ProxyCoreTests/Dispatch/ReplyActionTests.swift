import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ReplyActionTests {
    @Test(arguments: [JSONValue.null, [:], ["action": "continue"], ["_meta": ["x": 1]]])
    func nothingIsAskedFor(reply: JSONValue) throws {
        let action = try ReplyAction(reply)
        #expect(action.kind == .goOn && !action.stops && action.patches.isEmpty)
    }

    @Test func whatStandsBesideThePatchIsTakenApart() throws {
        let action = try ReplyAction(["action": "kill", "stop": true, "flow": ["marked": "x"]])
        #expect(action.kind == .kill && action.stops && action.patches.map(\.name) == ["flow"])
    }

    @Test(arguments: [["action": "explode"], ["action": 3], ["stop": "yes"]] as [JSONValue])
    func nonsenseIsRefused(reply: JSONValue) {
        #expect(throws: PatchRefusal.self) { try ReplyAction(reply) }
    }
}
