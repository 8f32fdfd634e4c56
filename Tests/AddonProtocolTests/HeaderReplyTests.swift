import Testing

@testable import AddonProtocol

struct HeaderReplyTests {
    private func read(_ frame: [UInt8], maximumDepth: Int = 64) -> HeaderReply? {
        frame.withUnsafeBytes { HeaderReply($0, maximumDepth: maximumDepth) }
    }

    private func read(_ text: String, maximumDepth: Int = 64) -> HeaderReply? {
        read(Array(text.utf8), maximumDepth: maximumDepth)
    }

    private func read(headers: String) -> HeaderReply? {
        read(#"{"jsonrpc":"2.0","id":1,"result":{"flow":{"request":{"headers":\#(headers)}}}}"#)
    }

    private func message(_ frame: [UInt8]) -> Message? {
        if case .single(let message)? = try? IncomingFrame.decode(frame) { message } else { nil }
    }

    @Test(arguments: [
        #"{"jsonrpc":"2.0","id":7,"result":{"flow":{"response":{"headers":{"x-a":"1"}}}}}"#,
        #" { "result" : { "flow" : { "response" : { "headers" : { "x-a" : "1" } } } } , "id" : 7 , "jsonrpc" : "2.0" } "#,
        "\t{\"id\":7,\r\"jsonrpc\":\"2.0\",\t\"result\":{\"flow\":{\"response\":{\"headers\":{\"x-a\":\"1\"}}}}}\r",
    ])
    func `members come in any order, with any space`(text: String) throws {
        let reply = try #require(read(text))
        #expect(reply.id == 7 && reply.edits.part == .response && reply.edits.count == 1)
        #expect(message(Array(text.utf8)) == reply.message)
    }

    @Test(arguments: [
        #"{"a":"1"}"#, #"{"a":null}"#, #"{"a":""}"#, #"{"":"a"}"#, #"{"a":"1","A":"2","b": null , "c":" x "}"#,
        "{\"a\":\"\u{7f}\"}",
    ])
    func `the edits are those of the patch`(headers: String) throws {
        let reply = try #require(read(headers: headers))
        #expect(reply.edits.json["flow"]?["request"]?["headers"] == (try JSONReader.read(Array(headers.utf8))))
    }

    /// Of these some are wrong, and of the others more has to be known than names and values.
    @Test(arguments: [
        "{}", "null", "[]", #"[["a","1"]]"#, #"{"a":1}"#, #"{"a":true}"#, #"{"a":["1","2"]}"#,
        #"{"a":{"base64":"AA=="}}"#,
        #"{"\u0061":"1"}"#, #"{"a":"\u0031"}"#, #"{"a":"\""}"#, #"{"é":"1"}"#, #"{"a":"é"}"#, #"{"a":"1","a":"2"}"#,
        #"{"a":null,"a":null}"#, #"{"a":"1",}"#, #"{"a":"1"}}"#, #"{"a":"1""#, #"{"a":nul}"#, #"{"a":nullx}"#,
        #"{"a"}"#,
        "{\"a\":\"\u{1}\"}",
    ])
    func `what the edits cannot say is left`(headers: String) {
        #expect(read(headers: headers) == nil)
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{}", #"{"jsonrpc":"2.0","id":1,"result":null}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"flow":{}}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"flow":{"request":{}}}}"#,
        #"{"jsonrpc":"2.0","id":1,"method":"request","params":{}}"#,
        #"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}"#,
    ])
    func `what is no such reply is left`(text: String) {
        #expect(read(text) == nil)
    }

    @Test(arguments: [
        #""id":"1","jsonrpc":"2.0""#, #""id":null,"jsonrpc":"2.0""#, #""id":-1,"jsonrpc":"2.0""#,
        #""id":1.0,"jsonrpc":"2.0""#, #""id":1e3,"jsonrpc":"2.0""#, #""id":01,"jsonrpc":"2.0""#,
        #""id":1234567890123456789,"jsonrpc":"2.0""#, #""id":1,"jsonrpc":"1.0""#, #""id":1,"jsonrpc":2.0"#, #""id":1"#,
        #""jsonrpc":"2.0""#, #""id":1,"id":1,"jsonrpc":"2.0""#, #""id":1,"jsonrpc":"2.0","jsonrpc":"2.0""#,
        #""id":1,"jsonrpc":"2.0","result":null"#, #""id":1,"jsonrpc":"2.0","x":1"#,
        #""id":1,"jsonrpc":"2.0","method":"a""#,
    ])
    func `an unusual envelope is left`(members: String) {
        #expect(read(#"{\#(members),"result":{"flow":{"request":{"headers":{"a":"1"}}}}}"#) == nil)
    }

    @Test(arguments: [
        #"{"flow":{"request":{"headers":{"a":"1"}}},"stop":true}"#,
        #"{"_meta":{},"flow":{"request":{"headers":{"a":"1"}}}}"#,
        #"{"flow":{"request":{"headers":{"a":"1"}},"comment":"x"}}"#,
        #"{"flow":{"request":{"headers":{"a":"1"}},"response":{"headers":{"a":"1"}}}}"#,
        #"{"flow":{"request":{"headers":{"a":"1"},"method":"PUT"}}}"#,
        #"{"flow":{"request":{"trailers":{"a":"1"}}}}"#, #"{"flow":{"Request":{"headers":{"a":"1"}}}}"#,
        #"{"flow":{"request":{"headers":{"a":"1"},"headers":{"a":"1"}}}}"#,
    ])
    func `a result that does more is left`(result: String) {
        #expect(read(#"{"jsonrpc":"2.0","id":1,"result":\#(result)}"#) == nil)
    }

    @Test func `so are many fields and text that nests too deep`() {
        func headers(_ count: Int) -> String {
            "{" + (0..<count).map { "\"a\($0)\":\"1\"" }.joined(separator: ",") + "}"
        }
        #expect(read(headers: headers(HeaderReply.fieldLimit))?.edits.count == HeaderReply.fieldLimit)
        #expect(read(headers: headers(HeaderReply.fieldLimit + 1)) == nil)
        let text = #"{"jsonrpc":"2.0","id":1,"result":{"flow":{"request":{"headers":{"a":"1"}}}}}"#
        #expect(read(text, maximumDepth: 5) != nil && read(text, maximumDepth: 4) == nil)
    }

    @Test func `whatever is taken is what the whole reader reads`() {
        let seed = Array(
            #"{"jsonrpc":"2.0", "id":12,"result":{"flow":{ "request":{"headers":{"a":"1","b":null,"A-b":"x y"}}}}}"#
                .utf8
        )
        var taken = 0
        for _ in 0..<30_000 {
            var frame = seed
            for _ in 0..<Int.random(in: 1...3) {
                let place = Int.random(in: 0..<frame.count)
                if Bool.random() { frame[place] = seed.randomElement() ?? 0 } else { frame.remove(at: place) }
            }
            guard let reply = read(frame) else { continue }
            taken += 1
            #expect(message(frame) == reply.message, "\(String(decoding: frame, as: UTF8.self))")
        }
        #expect(taken > 1000)
    }
}
