import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct EventReplyTests {
    // MARK: Replies

    @Test(arguments: [JSONValue.null, [:], ["action": "continue"], ["_meta": ["x": 1]]])
    func `a reply that asks for nothing has the flow go on`(reply: JSONValue) throws {
        let action = try ReplyAction(reply)
        #expect(action.kind == .goOn && !action.stops && action.patches.isEmpty)
    }

    @Test func `what stands beside the patch is taken apart`() throws {
        let action = try ReplyAction(["action": "kill", "stop": true, "flow": ["marked": "x"]])
        #expect(action.kind == .kill && action.stops && action.patches.map(\.name) == ["flow"])
    }

    @Test(
        arguments: [
            (["action": "explode"], "action"), (["action": 3], "action"), (["stop": "yes"], "stop"), ("hold", "reply"),
        ] as [(JSONValue, String)]
    )
    func `nonsense is refused, and it is said where`(reply: JSONValue, path: String) {
        let refusal = #expect(throws: PatchRefusal.self) { try ReplyAction(reply) }
        #expect(refusal?.path == path)
    }

    @Test func `an argument that may not change is refused before one that may is changed`() throws {
        let action = try ReplyAction(["flow": ["marked": "x"], "other": 1, "more": 2])
        #expect(action.patches(inOrderOf: HTTPFlow.asking()).map(\.name) == ["other", "more", "flow"])
    }

    @Test func `who may change single fields ends no flow, and stops no chain`() throws {
        let paths = MutablePaths(["comment", "stop"])
        try paths.check(ReplyAction(["flow": [:], "stop": true]))
        let refusal = #expect(throws: PatchRefusal.self) { try paths.check(ReplyAction(["action": "kill"])) }
        #expect(refusal?.path == "action")
        #expect(throws: PatchRefusal.self) { try MutablePaths(["action"]).check(ReplyAction(["stop": true])) }
    }

    // MARK: Failures

    @Test(
        arguments: [
            (.timeout(.milliseconds(5)), 504, "no reply within 5 ms"),
            (.error(ProtocolError(code: -32000, message: "oh")), 502, "error reply: oh (-32000)"),
            (.unreadable("a JSON array"), 502, "unreadable reply: a JSON array"), (.lost, 502, "connection lost"),
            (.suspended, 503, "suspended after repeated failures"), (.absent("away"), 503, "not there (away)"),
        ] as [(AddonFailure, Int, String)]
    )
    func `each failure has a status for the client, and a text`(failure: AddonFailure, status: Int, text: String) {
        #expect(failure.status == status && failure.description == text && failure.errorKind == .addonFailed)
    }

    @Test func `a lack of memory is no fault of the addon's`() {
        #expect(AddonFailure.noMemory.errorKind == .memoryLimit && AddonFailure.noMemory.status == 503)
    }

    @Test func `a full queue names both of its limits`() {
        let text = AddonFailure.queueFull(limit: 7, bytes: 8).description
        #expect(text.contains("max_queue, 7,") && text.contains("max_queue_bytes, 8 bytes"))
    }
}
