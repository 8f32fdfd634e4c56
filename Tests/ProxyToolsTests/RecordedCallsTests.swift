import AddonProtocol
import Testing

@testable import ProxyTools

struct RecordedCallsTests {
    private func calls(_ lines: String...) throws -> RecordedCalls {
        let text = (["{\"recording\":1}"] + lines).joined(separator: "\n")
        return RecordedCalls(try Recording(Array(text.utf8), name: "x").frames)
    }

    private func call(_ id: Int, _ params: String, _ answer: Int) -> String {
        """
        {"time":1,"addon":"a","direction":"addon","message":{"jsonrpc":"2.0","id":\(id),"method":"flow.get","params":\(params)}}
        {"time":1,"addon":"a","direction":"daemon","message":{"jsonrpc":"2.0","id":\(id),"result":\(answer)}}
        """
    }

    @Test func `a call is answered as the one with its params was, else as the next of its name`() throws {
        var calls = try calls(call(1, "{\"id\":\"a\"}", 1), call(2, "{\"id\":\"b\"}", 2))
        #expect(try calls.answer("flow.get", ["id": "b"])?.get() == 2)
        #expect(try calls.answer("flow.get", ["id": "c"])?.get() == 1)
        #expect(calls.answer("flow.get", ["id": "a"]) == nil)
        #expect(calls.missing.isEmpty)
    }

    @Test func `what was not called again is missing, but for what depends on time`() throws {
        let log =
            #"{"time":1,"addon":"a","direction":"addon","message":{"jsonrpc":"2.0","method":"log","params":{"msg":"x"}}}"#
        var calls = try calls(call(1, "{}", 1), log)
        #expect(calls.missing.map(\.method) == ["flow.get"])
        #expect(calls.answer("log", ["msg": "y"]) != nil)
        #expect(calls.answer("log", ["msg": "z"]) != nil)
    }
}
