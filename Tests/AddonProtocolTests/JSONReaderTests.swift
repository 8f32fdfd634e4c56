import AddonProtocol
import Testing

@Suite struct JSONReaderTests {
    private func read(_ text: String, maximumDepth: Int = 64) throws -> JSONValue {
        try JSONReader.read(Array(text.utf8), maximumDepth: maximumDepth)
    }

    @Test(
        arguments: [
            (#"null"#, JSONValue.null),
            (#" true "#, true),
            (#"-12"#, -12),
            (#"9223372036854775807"#, .integer(.max)),
            (#"-9223372036854775808"#, .integer(.min)),
            (#"1.5"#, 1.5),
            (#"1e3"#, 1000.0),
            (#"18446744073709551616"#, .number(18_446_744_073_709_551_616)),
            (#""a\u0000b""#, "a\0b"),
            (#""\u2028\ud83d\ude00é""#, "\u{2028}😀é"),
            (#"{"b":1,"a":[2,{}]}"#, ["b": 1, "a": [2, .object([])]]),
            (#"{"":{}}"#, ["": .object([])]),
        ] as [(String, JSONValue)]
    )
    func readsEveryKindOfValue(text: String, expected: JSONValue) throws {
        #expect(try read(text) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", #"{"a":1,"a":2}"#, #""\ud800""#, #""\udc00x""#, "1 2", "nul", "1e999", "\"\n\"",
        #"{"a\u0000":1}"#, "'a'", "[1 2]", "]", #""\"#, #"{"a":"#,
    ])
    func refusesWhatIsNotJSON(text: String) {
        #expect(throws: JSONError.self) { try read(text) }
    }

    @Test func refusesInvalidUTF8() {
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test func saysWhereAndWhy() {
        let twice = #expect(throws: JSONError.self) { try read(#"{"a": 1, "a": 2}"#) }
        #expect(twice?.kind == .syntax)
        #expect(twice?.description == #"duplicate object key near '"a"' at byte 12"#)
        let deep = #expect(throws: JSONError.self) { try read("[[[", maximumDepth: 2) }
        #expect(deep?.kind == .nesting(limit: 2))
        #expect(deep?.description == "more than 2 arrays and objects in one another at byte 3")
    }

    @Test func countsNestingAndNotBracketsInStrings() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try read(deep).arrayValue?.count == 1)
        #expect(throws: JSONError.self) { try read("[" + deep + "]") }
        #expect(try read(#"["[[[[\"[[[\\",["x"],{"a":"{{{"}]"#, maximumDepth: 2).arrayValue?.count == 3)
        let absurd = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try read(absurd) }
    }

    @Test func readsAnUnsafeBufferOfNothing() {
        #expect(throws: JSONError.self) { try JSONReader.read(UnsafeRawBufferPointer(start: nil, count: 0)) }
    }
}
