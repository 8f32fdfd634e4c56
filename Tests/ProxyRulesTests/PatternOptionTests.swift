import Testing

@testable import ProxyRules

/// One-line patterns, parsed as mitmproxy does.
@Suite struct PatternOptionTests {
    @Test(
        "any first character separates the parts",
        arguments: [
            ("/a/b", nil, "a", "b"), ("|~d x|a|b", "~d x", "a", "b"), (":f:a:b:c", "f", "a", "b:c"),
            ("/a/", nil, "a", ""),
            ("///", "", "", ""),
        ] as [(String, String?, String, String)]
    )
    func parts(text: String, filter: String?, subject: String, replacement: String) throws {
        let parts = try PatternOption("x", text).parts()
        #expect((parts.filter, parts.subject, parts.replacement) == (filter, subject, replacement))
    }

    @Test("too few are none", arguments: ["", "/", "/a"])
    func tooFew(text: String) { #expect(throws: RuleError.self) { try PatternOption("x", text).parts() } }

    @Test(
        "Python's escapes",
        arguments: [
            (#"\n\t\\\'\x41\101\d\."#, "\n\t\\'AA\\d\\."), ("é", "é"),
        ]
    )
    func escapes(text: String, expected: String) throws {
        #expect(try PatternOption("x", text).unescaped(text) == Array(expected.utf8))
    }

    @Test("what Python refuses", arguments: [#"\x4"#, #"\xg0"#, #"a\"#])
    func noEscape(text: String) { #expect(throws: RuleError.self) { try PatternOption("x", text).unescaped(text) } }

    @Test func `lines that decide together ask for any of their filters`() throws {
        var options = PatternOptions()
        options.blockList = ["/~d A/404", "/~m POST/444"]
        let rules = try options.rules()
        #expect(rules.map { $0.condition?.text } == ["(~d a) | (~m post)"])
        options.modifyHeaders = ["/~d a/x/y", "/z/"]
        #expect(try options.rules()[0].condition?.text == nil)
    }
}
