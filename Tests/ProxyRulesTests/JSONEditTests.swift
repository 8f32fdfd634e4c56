import AddonProtocol
import Testing

@testable import ProxyRules

@Suite struct JSONEditTests {
    private func edited(_ json: String, _ path: String, _ value: Int?) throws -> String? {
        let steps = try #require(JSONEdit.path(path))
        let edit = JSONEdit(changes: [JSONEdit.Change(path: steps, value: value.map { .integer($0) })])
        return try edit.applied(to: Array(json.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "members are set",
        arguments: [
            (#"{"a":1}"#, "a", #"{"a":7}"#),
            (#"{"a":{"b":1}}"#, "a.b", #"{"a":{"b":7}}"#),
            (#"{}"#, "a.b", #"{"a":{"b":7}}"#),
            (#"{"a":3}"#, "a.b", #"{"a":{"b":7}}"#),
            (#"[1,2,3]"#, "1", "[1,7,3]"),
            (#"[1,2,3]"#, "-1", "[1,2,7]"),
            (#"[{"p":1},{"p":2}]"#, "*.p", #"[{"p":7},{"p":7}]"#),
            (#"{"a":1,"b":2}"#, "*", #"{"a":7,"b":7}"#),
            (#"{"a":{"b":1},"c":{"b":2}}"#, "*.b", #"{"a":{"b":7},"c":{"b":7}}"#),
            (#"{"a.b":1}"#, #"a\.b"#, #"{"a.b":7}"#),
            (#"{"*":1}"#, #"\*"#, #"{"*":7}"#),
            (#"{"0":1}"#, "0", #"{"0":7}"#),
        ]
    )
    func setting(json: String, path: String, expected: String) throws {
        #expect(try edited(json, path, 7) == expected)
    }

    @Test(
        "and removed",
        arguments: [
            (#"{"a":1,"b":2}"#, "a", #"{"b":2}"#),
            (#"[1,2,3]"#, "0", "[2,3]"),
            (#"[1,2,3]"#, "*", "[]"),
            (#"{"a":[{"b":1,"c":2}]}"#, "a.*.b", #"{"a":[{"c":2}]}"#),
        ]
    )
    func removing(json: String, path: String, expected: String) throws {
        #expect(try edited(json, path, nil) == expected)
    }

    @Test(
        "where nothing changes the text stays as it is",
        arguments: [
            ("no json", "a"), ("3", "a"), (#""x""#, "a.b"), ("[1,2]", "5"), ("[1,2]", "x"), (#"{"a": 7}"#, "a"),
            ("", "a"),
        ]
    )
    func unchanged(json: String, path: String) throws {
        #expect(try edited(json, path, 7) == nil)
        if json != #"{"a": 7}"# { #expect(try edited(json, path, nil) == nil) }
    }

    @Test func `what would grow without bound stays`() throws {
        let value = JSONValue.string(String(repeating: "x", count: 1 << 20))
        let edit = JSONEdit(changes: [JSONEdit.Change(path: [.all], value: value)])
        let list = "[" + Array(repeating: "1", count: 100).joined(separator: ",") + "]"
        #expect(throws: ActionFailure.self) { try edit.applied(to: Array(list.utf8)) }
    }

    @Test func `many members take one pass`() throws {
        let members = (0..<20_000).map { #""m\#($0)":{"y":1}"# }.joined(separator: ",")
        let edited = try #require(try edited("{" + members + "}", "*.y", 7))
        #expect(edited.hasPrefix(#"{"m0":{"y":7},"#) && edited.hasSuffix(#""m19999":{"y":7}}"#))
    }

    @Test(
        "a path has no empty steps",
        arguments: ["", "a..b", ".a", "a.", #"a\"#, String(repeating: "a.", count: 64) + "a"]
    )
    func noPath(text: String) { #expect(JSONEdit.path(text) == nil) }
}
