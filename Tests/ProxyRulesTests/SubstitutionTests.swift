import Testing

@testable import ProxyRules

@Suite struct SubstitutionTests {
    private func replaced(_ pattern: PythonPattern, _ with: String, in text: String) throws -> String? {
        let substitution = try Substitution(pattern, .bytes(Array(with.utf8)))
        return try substitution.applied(to: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "Python's groups, names and references mean in ICU what they mean there",
        arguments: [
            ("a(b)c", #"\1-\g<1>-\g<0>"#, "xabcx", "xb-b-abcx"),
            (#"(?P<first_name>\w+) (?P=first_name)"#, #"<\g<first_name>>"#, "go go", "<go>"),
            ("é+", "e", "créé", "cre"),
            ("a.b", "!", "a\nb", "!"),
            ("[[]x]", "y", "[x]", "y"),
            (#"x\Z"#, "y", "x x", "x y"),
            ("x*", "-", "ab", "-a-b-"),
            ("(a)|b", #"[\1]"#, "ab", "[a][]"),
            (#"{"debug": false}"#, "x", #"a {"debug": false} b"#, "a x b"),
            (#""a": {"#, "x", #"{"a": {}}"#, "{x}}"),
            ("a}", "x", "a}", "x"), ("^a{2}$", "x", "aa", "x"), ("^a{,2}b", "x", "aab", "x"),
            ("^a{1,}$", "x", "aaa", "x"),
            ("a{x}", "y", "a{x}", "y"), ("[{}]", "y", "{}", "yy"),
            ("(?a)b", "x", "ab", "ax"), ("(?ai)B", "x", "ab", "ax"), ("(?i:B)", "x", "ab", "ax"),
            (#"\0b"#, "x", "a\0b", "ax"), (#"[\01]"#, "x", "a\u{1}", "ax"),
            ("aa", #"<\g<0>>"#, "aaaaa", "<aa><aa>a"),
        ]
    )
    func python(pattern: String, with: String, text: String, expected: String) throws {
        #expect(try replaced(PythonPattern(pattern), with, in: text) == expected)
    }

    @Test func nothingFoundIsNoChange() throws {
        #expect(try replaced(PythonPattern("x"), "y", in: "abc") == nil)
    }

    @Test func bytesThatAreNotUTF8AreReplacedToo() throws {
        let substitution = try Substitution(PythonPattern("b"), .bytes([0xff]))
        #expect(try substitution.applied(to: [0xc3, 0x62, 0xfe]) == [0xc3, 0xff, 0xfe])
    }

    @Test func classesOfBytesAreASCII() throws {
        let pattern = PythonPattern(ofBytes: Array(#"\w"#.utf8))
        #expect(try replaced(pattern, "-", in: "aé") == "-é")
    }

    @Test("what is none is said", arguments: ["(", "[a", "*"])
    func noPattern(pattern: String) {
        #expect(throws: ActionFailure.self) { try Substitution(PythonPattern(pattern), .bytes([])) }
    }

    @Test("a replacement names groups that are there", arguments: [#"\2"#, #"\g<x>"#, #"\g<1"#, #"\q"#])
    func noTemplate(template: String) {
        #expect(throws: ActionFailure.self) { try Substitution(PythonPattern("(a)"), .bytes(Array(template.utf8))) }
    }

    @Test func `a match in a URL that has no end is given up`() throws {
        let substitution = try Substitution(PythonPattern("(a+)+$"), .bytes([]))
        let text = String(repeating: "a", count: 64) + "b"
        #expect(throws: ActionFailure.self) { try substitution.firstMatch(in: text) }
        #expect(try Substitution(PythonPattern("/(b)"), .bytes([])).firstMatch(in: "a/b/c")?.rest == "/c")
    }

    @Test("what would grow without bound stays", arguments: ["a", "(a)"])
    func growth(pattern: String) throws {
        let substitution = try Substitution(PythonPattern(pattern), .bytes([UInt8](repeating: 1, count: 1 << 20)))
        #expect(throws: ActionFailure.self) { try substitution.applied(to: [UInt8](repeating: 0x61, count: 100)) }
    }

    @Test func `a search that runs out of memory is said`() throws {
        let substitution = try Substitution(PythonPattern("(?:a|b)*c"), .bytes([]))
        #expect(throws: ActionFailure.self) { try substitution.applied(to: [UInt8](repeating: 0x61, count: 4 << 20)) }
    }

    @Test func `text of control characters is larger in a frame`() {
        #expect(!Content.fitsFrame([UInt8](repeating: 0, count: 16 << 20)))
        #expect(Content.fitsFrame([UInt8](repeating: 0x61, count: 32 << 20)))
    }

    @Test func aSearchWithoutEndIsGivenUp() throws {
        let substitution = try Substitution(PythonPattern("(a+)+$"), .bytes([]))
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 64) + [UInt8(ascii: "b")]
        #expect(throws: ActionFailure.self) { try substitution.applied(to: text) }
    }
}
