import AddonProtocol
import Testing

@Suite struct IncomingFrameTests {
    private func single(_ text: String) throws -> Message? {
        guard case .single(let message) = try IncomingFrame.decode(Array(text.utf8)) else { return nil }
        return message
    }

    /// The examples of the JSON-RPC 2.0 specification, section 7, and its rules for ids and params.
    @Test(arguments: [
        (
            #"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            Message.request(id: .number(1), method: "subtract", params: [42, 23])
        ),
        (
            #"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42}, "id": "3"}"#,
            .request(id: .string("3"), method: "subtract", params: ["minuend": 42])
        ),
        (
            #"{"jsonrpc": "2.0", "method": "update", "params": [1,2]}"#,
            .notification(method: "update", params: [1, 2])
        ),
        (#"{"jsonrpc": "2.0", "method": "foobar"}"#, .notification(method: "foobar", params: [:])),
        (#"{"jsonrpc": "2.0", "method": "foobar", "params": null}"#, .notification(method: "foobar", params: [:])),
        (#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#, .success(id: .number(1), result: 19)),
        (#"{"jsonrpc": "2.0", "result": null, "id": 1.0, "x": 2}"#, .success(id: .number(1), result: .null)),
        (
            #"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
            .failure(id: .string("1"), ProtocolError(code: -32601, message: "Method not found"))
        ),
        (
            #"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error", "data": [1]}, "id": null}"#,
            .failure(id: nil, ProtocolError(code: -32700, message: "Parse error", data: [1]))
        ),
    ])
    func readsAMessage(text: String, expected: Message) throws {
        #expect(try single(text) == expected)
        #expect(try single(String(decoding: expected.encoded(), as: UTF8.self)) == expected)
    }

    @Test(arguments: [
        (#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, -32700),
        (#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method""#, -32700),
        (#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, -32600),
        (#"{"jsonrpc": "2.0", "method": "a", "params": "bar"}"#, -32600),
        (#"{"jsonrpc": "2.0", "method": "a", "id": null}"#, -32600),
        (#"{"jsonrpc": "2.0", "method": "a", "id": 1.5}"#, -32600),
        (#"{"jsonrpc": "2.0", "method": "a", "id": [1]}"#, -32600),
        (#"{"jsonrpc": "1.0", "method": "a"}"#, -32600),
        (#"{"method": "a"}"#, -32600),
        (#"{"jsonrpc": "2.0"}"#, -32600),
        (#"{"jsonrpc": "2.0", "id": 1}"#, -32600),
        (#"{"jsonrpc": "2.0", "id": 1, "result": 1, "error": {"code": 1, "message": ""}}"#, -32600),
        (#"{"jsonrpc": "2.0", "id": 1, "error": {"code": "x", "message": ""}}"#, -32600),
        (#"{"jsonrpc": "2.0", "id": null, "result": 1}"#, -32600),
        (#"{"jsonrpc": "2.0", "id": 1, "id": 2, "result": 1}"#, -32700),
        (#"{"jsonrpc": "2.0", "id": 1, "result": 1} {}"#, -32700),
        (#"{"jsonrpc": "2.0", "id": 1, "result": 1,}"#, -32700),
        (#"[]"#, -32600),
        (#"1"#, -32600),
    ])
    func refusesOthers(text: String, code: Int) {
        let error = #expect(throws: ProtocolError.self) { try IncomingFrame.decode(Array(text.utf8)) }
        #expect(error?.code == code)
    }

    @Test func readsABatchElementByElement() throws {
        let text = #"""
            [{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
             {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}, {"foo": "boo"}, 1,
             {"jsonrpc": "2.0", "result": 7, "id": 2}]
            """#
        guard case .batch(let elements) = try IncomingFrame.decode(Array(text.utf8)) else {
            Issue.record("no batch")
            return
        }
        #expect(elements.count == 5)
        #expect(try elements[0].get() == .request(id: .string("1"), method: "sum", params: [1, 2, 4]))
        #expect(try elements[1].get() == .notification(method: "notify_hello", params: [7]))
        #expect(throws: ProtocolError.self) { try elements[2].get() }
        #expect(throws: ProtocolError.self) { try elements[3].get() }
        #expect(try elements[4].get() == .success(id: .number(2), result: 7))
    }

    @Test func refusesNestingBelowTheLimit() {
        let text = #"{"jsonrpc":"2.0","method":"a","params":[[[]]]}"#
        let error = #expect(throws: ProtocolError.self) { try IncomingFrame.decode(Array(text.utf8), maximumDepth: 3) }
        #expect(error?.code == ProtocolError.invalidRequest && error?.data == ["limit": 3])
        #expect(error?.isFrameOverLimit == true)
        #expect(throws: Never.self) { try IncomingFrame.decode(Array(text.utf8), maximumDepth: 4) }
    }
}
