import Testing

@testable import AddonProtocol

@Suite struct IncomingCallTests {
    private func call(_ text: String) -> IncomingCall? { IncomingCall(Array(text.utf8)) }

    @Test func readsTheHeadInAnyOrder() throws {
        let request = try #require(
            call(#" { "params" : {"flow":{"id":"é"}} , "x":[1], "method":"request", "id":7 ,"jsonrpc":"2.0" } "#)
        )
        #expect(request.id == .number(7) && request.method == "request")
        #expect(request.params["flow"]?["id"]?.value == "é")
        let notification = try #require(call(#"{"jsonrpc":"2.0","method":"log","params":{}}"#))
        #expect(notification.id == nil && notification.params.value == [:])
        #expect(call(#"{"jsonrpc":"2.0","id":"a\n","method":"\u0061","params":{}}"#)?.id == .string("a\n"))
    }

    /// Some of these are invalid and some only unusual: `IncomingFrame` decides.
    @Test(arguments: [
        "", "{", "[]", "7", "{}", "[{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{}}]",
        #"{"jsonrpc":"1.0","id":1,"method":"a","params":{}}"#, #"{"id":1,"method":"a","params":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"a"}"#, #"{"jsonrpc":"2.0","id":1,"method":"a","params":null}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#, #"{"jsonrpc":"2.0","id":1,"method":"a","params":1}"#,
        #"{"jsonrpc":"2.0","id":null,"method":"a","params":{}}"#,
        #"{"jsonrpc":"2.0","id":1.5,"method":"a","params":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":1,"params":{}}"#, #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"id":2,"method":"a","params":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"a","params":{}}x"#, #"{"jsonrpc":"2.0","id":1,"method":"a","params":{}"#,
    ])
    func whatIsNoPlainCallIsLeft(text: String) {
        #expect(call(text) == nil)
    }

    @Test(arguments: [
        "1,", "01", "-", "1.", ".5", "1e5", "1E400", "1234567890123456789", "nul", "tru", "\"\\ud83d\\ude00\"",
        "\"\\x\"", "\"\\u12\"", "\"\u{1}\"", "\"open", "[1,]", "[1 2]", "{\"a\":1,}", "{a:1}", "{\"\\u0061\":1}",
        "{\"a\"}", "[}", String(repeating: "[", count: 80) + String(repeating: "]", count: 80),
        String(repeating: "[", count: 100_000),
    ])
    func paramsThatAreNotPlainAreLeft(text: String) {
        #expect(call(#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":\#(text)}}"#) == nil)
    }

    @Test func invalidUTF8IsLeft() {
        let frame =
            Array(#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"b":"#.utf8) + [0x22, 0xFF, 0x22, 0x7D, 0x7D]
        #expect(IncomingCall(frame) == nil)
    }

    /// Whatever is recognised as a call is the call that `IncomingFrame` reads.
    @Test func saysWhatTheWholeReaderSays() throws {
        let seed = Array(
            #"{"jsonrpc":"2.0","id":12,"method":"request","params":{"a":[1,-2.5,"x\n\u0041é",null,true,{"b":{}}]}}"#
                .utf8
        )
        var taken = 0
        for _ in 0..<30_000 {
            var frame = seed
            for _ in 0..<Int.random(in: 1...3) {
                let place = Int.random(in: 0..<frame.count)
                if Bool.random() { frame[place] = seed.randomElement() ?? 0 } else { frame.remove(at: place) }
            }
            guard let call = IncomingCall(frame), let whole = try? IncomingFrame.decode(frame) else { continue }
            taken += 1
            switch whole {
            case .single(.request(let id, let method, let params)):
                #expect(call.id == id && call.method == method && call.params.value == params)
            case .single(.notification(let method, let params)):
                #expect(call.id == nil && call.method == method && call.params.value == params)
            case .single, .batch: Issue.record("\(String(decoding: frame, as: UTF8.self)) is no call")
            }
        }
        #expect(taken > 1000)
    }

    /// Everything that the walk does not see. `LazyJSON` then takes the first.
    @Test func aNameThatComesTwiceIsPassed() {
        let text = #"{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":{"b":1,"b":2}}}"#
        #expect(call(text)?.params["a"]?["b"]?.value == 1)
        #expect(throws: ProtocolError.self) { try IncomingFrame.decode(Array(text.utf8)) }
    }
}
