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

    @Test(
        arguments: [
            ("application/x-www-form-urlencoded; charset=iso-8859-1", "a = \u{e9}t\u{e9} x"),
            (#"application/x-www-form-urlencoded;charset="iso-8859-1""#, "a = \u{e9}t\u{e9} x"),
            ("application/x-www-form-urlencoded", "a = %E9t%E9+x"),
        ]
    )
    func showsWhatIsNoUTF8ByItsCharsetOrAsItIs(type: String, line: String) {
        #expect(lines("a=%E9t%E9+x&b=%C3%A9", type)[0] == line)
        #expect(lines("b=%C3%A9", type) == ["b = \u{e9}"])
    }

    @Test func showsTextInItsCharset() {
        #expect(BodyText.lines([0x61, 0xE9], type: "text/plain; charset=iso-8859-1") == ["a\u{e9}"])
        #expect(BodyText.lines([0x61, 0xE9], type: "text/plain") != ["a\u{e9}"])
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
