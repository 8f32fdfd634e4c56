import Testing

@testable import AddonProtocol

struct TerminalTextTests {
    @Test(arguments: [
        ("plain", "plain"), ("ü→", "ü→"), ("a\tb", #"a\tb"#), ("\u{202e}x", #"\u{202e}x"#), ("\u{9b}", #"\x9b"#),
        ("\u{7f}\u{0}", #"\x7f\x00"#),
    ])
    func `a terminal is not steered`(text: String, shown: String) {
        #expect(escapedForTerminal(text) == shown)
        #expect(escapedForTerminal(Array(text.utf8)) == shown)
    }
}
