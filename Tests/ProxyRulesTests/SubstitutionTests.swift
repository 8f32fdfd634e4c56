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

    @Test func aSearchWithoutEndIsGivenUp() throws {
        let substitution = try Substitution(PythonPattern("(a+)+$"), .bytes([]))
        let text = [UInt8](repeating: UInt8(ascii: "a"), count: 64) + [UInt8(ascii: "b")]
        #expect(throws: ActionFailure.self) { try substitution.applied(to: text) }
    }
}
