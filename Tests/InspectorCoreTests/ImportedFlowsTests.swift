import AddonProtocol
import Testing

@testable import InspectorCore

struct ImportedFlowsTests {
    private func read(_ text: String) throws -> ImportedFlows { try ImportedFlows(Array(text.utf8)) }

    @Test func `of a recording the flows that have ended are taken, each once`() throws {
        let flow = #""flow":{"id":"a","type":"http","request":{"method":"GET"}}"#
        let flows = try read(
            """
            {"recording":1}
            {"addon":"x","message":{"method":"request","params":{\(flow)}}}
            {"addon":"x","message":{"method":"response","params":{\(flow)}}}
            {"addon":"y","message":{"method":"response","params":{"flow":{"id":"a","type":"http"}}}}
            {"addon":"x","message":{"id":1,"result":{}}}
            {"missed":7}
            """
        )
        #expect(flows.flows.count == 1 && flows.skipped.isEmpty)
        #expect(flows.flows[0].snapshot["id"]?.stringValue?.hasPrefix("imported-") == true)
    }

    @Test func `the same file twice gives other ids`() throws {
        let line = #"{"id":"a","type":"tcp"}"#
        #expect(try read(line).flows[0].snapshot["id"] != read(line).flows[0].snapshot["id"])
    }

    @Test(arguments: ["", "x", "{", #"{"log":{}}"#, #"{"log":{"entries":{}}}"#])
    func `what is no file of flows is refused`(_ text: String) {
        #expect(throws: Failure.self) { try read(text) }
    }
}
