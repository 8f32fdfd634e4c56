import Testing

@testable import ProxyTools

struct BodyTextTests {
    private func lines(_ text: String, _ type: String) -> [String] { BodyText.lines(Array(text.utf8), type: type) }

    @Test func laysOutJSON() {
        #expect(lines(#"{"a":[1,2]}"#, "application/json; charset=utf-8") == [#"{"a":[1,2]}"#])
        let long = String(repeating: "x", count: 60)
        #expect(
            lines(#"{"a":"\#(long)","b":{}}"#, "application/json") == ["{", #"  "a": "\#(long)","#, #"  "b": {}"#, "}"]
        )
    }

    @Test func laysOutForms() {
        #expect(
            lines("a=1&b=x+y%21&c&%1b=%zz", "application/x-www-form-urlencoded") == [
                "a = 1", "b = x y!", "c", #"\x1b = %zz"#,
            ]
        )
    }

    @Test func showsTextByLines() {
        #expect(lines("one\r\n\ttwo\n\u{1b}]0;x\u{7}", "text/plain") == ["one", "    two", #"\x1b]0;x\x07"#])
        #expect(lines("", "text/plain") == [])
        #expect(lines("{broken", "application/json") == ["{broken"])
    }

    @Test func dumpsWhatIsNoText() {
        #expect(
            BodyText.lines([0, 255, 65], type: "") == ["00000000  00 ff 41\(String(repeating: " ", count: 39))  ..A"]
        )
        let many = BodyText.lines([UInt8](repeating: 255, count: BodyText.longestDump + 5), type: "")
        #expect(many.last == "… 5 more bytes")
    }
}
