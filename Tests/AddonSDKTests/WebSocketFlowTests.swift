import AddonProtocol
import Testing

@testable import AddonSDK

@Suite struct WebSocketFlowTests {
    private func flow(type: String = "text") -> WebSocketFlow {
        let message: JSONValue = ["type": .string(type), "from_client": true, "content": "old"]
        return WebSocketFlow(LazyJSON(["id": "w1", "type": "websocket", "messages": [message]]))
    }

    private func reply(of flow: WebSocketFlow) -> String { String(decoding: flow.reply().encoded(), as: UTF8.self) }

    @Test func nothingIsChanged() {
        #expect(reply(of: flow()) == "{}")
    }

    @Test func theTypeIsSentOnlyWhereItChanges() {
        let (same, other) = (flow(), flow(type: "binary"))
        same.replaceMessage(text: "new")
        other.replaceMessage(text: "new")
        #expect(reply(of: same) == #"{"flow":{"messages":[{"content":"new"}]}}"#)
        #expect(reply(of: other) == #"{"flow":{"messages":[{"type":"text","content":"new"}]}}"#)
    }

    @Test func theTypeIsSentWhereItIsNotKnown() {
        let flow = WebSocketFlow(LazyJSON(["id": "w1", "type": "websocket", "messages": [["content": "old"]]]))
        flow.replaceMessage(text: "new")
        #expect(reply(of: flow) == #"{"flow":{"messages":[{"type":"text","content":"new"}]}}"#)
    }

    @Test func theLastReplacementCounts() {
        let flow = flow()
        flow.replaceMessage(binary: [0xff])
        flow.replaceMessage(text: "new")
        flow.dropMessage()
        flow.dropMessage()
        flow.stop()
        #expect(reply(of: flow) == #"{"flow":{"messages":[{"content":"new","dropped":true}]},"stop":true}"#)
    }
}
