import Testing

@testable import AddonProtocol

/// Alternatives whose regular expressions are joined into one.
struct FilterJoiningTests {
    private func joined(_ text: String) throws -> String { try FilterParser.parse(text).joiningAlternatives.text }

    @Test(arguments: [
        ("~d a | ~d b | ~d c", "~d a | ~d b | ~d c"),
        ("~d a | ~d b | ~d c | ~d d", #"~d "(?:a)|(?:b)|(?:c)|(?:d)""#),
        ("~d a | ~c 1 | ~d b | ~d c | ~d 'd|e'", #"~d "(?:a)|(?:b)|(?:c)|(?:d|e)" | ~c 1"#),
        (
            "(~d a & ~m x) | ~d b | ~d c | (~d d ~q)",
            #"~d "(?:b)|(?:c)" | (~d "(?:a)|(?:d)" & ((~d a & ~m x) | (~d d & ~q)))"#
        ),
        ("!(~u a | ~u b | ~u c | ~u d)", #"!~u "(?:a)|(?:b)|(?:c)|(?:d)""#),
    ])
    func `they hold for the same flows`(text: String, expected: String) throws {
        #expect(try joined(text) == expected)
    }

    @Test(
        "what a longer expression would change stays alone",
        arguments: [
            #"a\\"#, #"(a)\\1"#, #"\\Qa"#, "[a", "[a]b)", "a)|(b", "(?i)a", "(a", #"\\x61"#,
        ]
    )
    func notSelfContained(pattern: String) throws {
        let text = "~d \"\(pattern)\" | ~d \"\(pattern)\" | ~d \"\(pattern)\" | ~d \"\(pattern)\""
        let expression = try FilterParser.parse(text)
        #expect(expression.joiningAlternatives == expression)
    }

    @Test func `the text of an expression is read as the same expression`() throws {
        for text in [#"~u "a \"b\\" | !(~q & ~c 200) (x | ~t 'json')"#, "~all", "~d a|b"] {
            let expression = try FilterParser.parse(text)
            #expect(try FilterParser.parse(expression.text).text == expression.text)
        }
    }
}
