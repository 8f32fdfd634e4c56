import FuzzTargets
import Testing

@testable import AddonProtocol

@Suite struct LazyJSONTests {
    /// The same value as text, and parsed.
    private func both(_ text: String) throws -> [LazyJSON] {
        [LazyJSON(in: Array(text.utf8), at: 0), LazyJSON(try JSONReader.read(Array(text.utf8)))]
    }

    @Test func findsMembersBehindAllKindsOfValues() throws {
        let text = #"""
            { "a" : [1,{"x":"}]"},"\"]"] , "empty":{},"": 0,"none":null, "big":123456789012345678,
              "é":"ü\n\u00e9\\", "f":-0.25,"t":true,"x":{"y":{"z":[[],[{"deep":1}]]}}}
            """#
        for json in try both(text) {
            #expect(json["a"]?.value == [1, ["x": "}]"], "\"]"])
            #expect(json["empty"]?.value == [:] && json["empty"]?["a"] == nil)
            #expect(json[""]?.value == 0 && json["big"]?.value == 123_456_789_012_345_678)
            #expect(json["é"]?.value == "ü\né\\" && json["f"]?.value == -0.25 && json["t"]?.value == true)
            #expect(json["none"]?.isNull == true && json["none"]?.value == .null && json["t"]?.isNull == false)
            #expect(json["x"]?["y"]?["z"]?.last?.last?["deep"]?.value == 1)
            #expect(json["A"] == nil && json["x"]?["z"] == nil && json["a"]?["x"] == nil && json["t"]?["x"] == nil)
            #expect(try json.value == JSONReader.read(Array(text.utf8)))
        }
    }

    @Test func findsMembersBehindValuesThatAreLong() throws {
        let text = String(repeating: "x", count: 300)
        let long = "{\"text\":\"\(text)\",\"list\":[\"\(text)\",{\"a\":\"\(text)\"}],\"last\":1}"
        let params = "{\"first\":\(long),\"flow\":{\"long\":\(long),\"short\":[2]},\"end\":[[\(long)],3]}"
        let call = try #require(
            IncomingCall(Array("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":\(params)}".utf8))
        )
        for json in [call.params] + (try both(params)) {
            #expect(json["flow"]?["short"]?.last?.value == 2)
            #expect(json["flow"]?["long"]?["list"]?.last?["a"]?.value.stringValue == text)
            #expect(json["first"]?["last"]?.value == 1 && json["end"]?.last?.value == 3)
            #expect(json["first"]?["x"] == nil && json["flow"]?["last"] == nil)
            #expect(try json.value == JSONReader.read(Array(params.utf8)))
        }
    }

    @Test(arguments: ["[]", "{}", "null", "\"a\"", "7"])
    func hasNoLastElement(text: String) throws {
        for json in try both(text) { #expect(json.last == nil && json["a"] == nil) }
    }

    @Test func theFirstOfSeveralMembersOfANameCounts() {
        let json = LazyJSON(in: Array(#"{"a":{"b":1,"b":2},"c":3}"#.utf8), at: 0)
        #expect(json["a"]?["b"]?.value == 1 && json["c"]?.value == 3)
        #expect(json["a"]?.value == .null)
    }

    @Test func readsHeaderFields() throws {
        let text = #"""
            [ ["Host","a.test"] , [ "A" , "" ],["x-\"","\u00e9"],["b",{"base64":"/w=="}],[],["a"],3,["a","b","c"],[1,2],
             ["é","ü"]]
            """#
        var expected: HeaderFields = ["Host": "a.test", "A": "", "x-\"": "é"]
        expected.append(name: "b".utf8, value: [0xFF])
        expected.append("", "")
        expected.append("é", "ü")
        for json in try both(text) { #expect(json.headerFields == expected) }
        for json in try both(#"{"a":"b"}"#) { #expect(json.headerFields.isEmpty) }
    }

    @Test func isTheSameOnlyInItsPlace() {
        let text = Array(#"{"a":1,"b":1}"#.utf8)
        let json = LazyJSON(in: text, at: 0)
        #expect(json["a"]?.isSame(as: LazyJSON(in: text, at: 5)) == true)
        #expect(json["a"]?.isSame(as: LazyJSON(in: text, at: 11)) == false)
        #expect(LazyJSON(["a"]).isSame(as: LazyJSON(["a"])) && !LazyJSON(["a"]).isSame(as: .null))
    }

    @Test func mutilatedTextIsNoTrap() {
        let seed = Array(#"{"a":[["b","\u00e9"],["c",{"d":null}]],"e":-1.5,"f":{"g":[true,{"h":"\\"}]}}"#.utf8)
        var random = SeededGenerator()
        print("mutilatedTextIsNoTrap: \(random)")
        for _ in 0..<20_000 {
            var text = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] =
                    Bool.random(using: &random)
                    ? seed.randomElement(using: &random) ?? 0 : .random(in: 0...255, using: &random)
            }
            text.removeLast(Int.random(in: 0..<text.count, using: &random))
            let json = LazyJSON(in: text, at: 0)
            for name in ["a", "e", "f"] { _ = json[name]?.value }
            _ = (json.value, json.last, json["a"]?.headerFields, json["f"]?["g"]?.last?["h"]?.isNull)
        }
    }
}
