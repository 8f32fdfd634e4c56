import Testing

@testable import ProxyTools

struct FlowFilePiecesTests {
    /// The pieces of a file whose bytes arrive `count` at a time, as text with their places.
    private func pieces(_ text: String, by count: Int = .max) throws -> [String] {
        let bytes = Array(text.utf8)
        var pieces = FlowFilePieces()
        var found: [FlowFilePiece] = []
        for start in stride(from: 0, to: bytes.count, by: max(1, min(count, bytes.count))) {
            found += try pieces.append(Array(bytes[start..<min(bytes.count, start + min(count, bytes.count))]))
        }
        found += try pieces.finish()
        for piece in found {
            #expect(Array(bytes[piece.offset..<piece.offset + piece.bytes.count]) == piece.bytes)
        }
        return found.map { "\($0.place) \(String(decoding: $0.bytes, as: UTF8.self))" }
    }

    @Test(arguments: [1, 2, 3, 7, .max]) func `entries of a HAR are found wherever they are cut`(_ count: Int) throws {
        let text = #"""
            {"_": {"entries": [1], "log": 2}, "log": {"version": "1.2", "entries_": [7], "x": {"entries": [8]}, "entries": [
              {"a": "]},[{\"\\"}, {"b": [1, {"c": 2}]}
            ], "pages": [{"entries": [9]}]}}
            """#
        #expect(
            try pieces(text, by: count) == [#"entry 1 {"a": "]},[{\"\\"}"#, #"entry 2 {"b": [1, {"c": 2}]}"# + "\n"]
        )
    }

    @Test func `a HAR of one line is none of lines, and an empty one has no entries`() throws {
        #expect(try pieces(#"{"comment": 1, "log": {"entries": [1]}}"#) == ["entry 1 1"])
        #expect(try pieces("\u{feff}{\"log\":{\"entries\":[ ]}}\n") == [])
    }

    @Test(arguments: [1, 2, 5, .max]) func `lines keep their numbers`(_ count: Int) throws {
        let text = "{\"recording\":1}\n\n{\"a\":\n{}\r\n  \n{\"b\":2}"
        #expect(
            try pieces(text, by: count) == [
                "line 1 {\"recording\":1}", "line 3 {\"a\":", "line 4 {}\r", "line 6 {\"b\":2}",
            ]
        )
    }

    @Test(arguments: [
        ("", "empty"), ("\n ", "empty"), ("x", "neither"), ("[]", "neither"), ("{", "cut off"),
        (#"{"log": {"entries": [{"#, "cut off: it ends after entry 0"), (#"{"log": {"entries": [1,2"#, "after entry 1"),
        (#"{"log": {"entries": 5}}"#, "log.entries"), (#"{"log": {"entries": [1]}}}"#, "closed"),
        (#"{"log": {"entries": [1]}} x"#, "outside"),
        (#"{"log": {"entries": [1]}} {"log": {"entries": [2]}}"#, "a file has one HAR"),
        (#"{"log": {"entries": [1]}} "x""#, "a file has one HAR"),
        ("\u{0}{\u{0}}", "UTF-16"), ("{\u{0}}\u{0}", "UTF-16"),
        (String(repeating: " ", count: (1 << 20) + 1), "white space"), ("{\n\"a\": 1}", "log.entries"),
    ]) func `what is no file of flows says why`(_ text: String, _ words: String) {
        let error = #expect(throws: FlowFileError.self) { try pieces(text) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [1, 3, .max]) func `a broken first line is a line`(_ count: Int) throws {
        #expect(try pieces("{\"id\": \n\n{\"b\":2}\n", by: count) == ["line 1 {\"id\": ", "line 3 {\"b\":2}"])
        #expect(try pieces("{\"_\": 1, \"log\": {\"entries\": [\n{\"a\":1}]}}", by: count) == ["entry 1 {\"a\":1}"])
    }

    @Test(arguments: [[0xFF, 0xFE, 0x7B, 0], [0xFE, 0xFF, 0, 0x7B]] as [[UInt8]])
    func `UTF-16 is called by its name`(_ bytes: [UInt8]) {
        let error = #expect(throws: FlowFileError.self) { try FlowFilePiece.all(in: bytes) }
        #expect(error?.description.contains("UTF-16") == true)
    }

    @Test func `no element of a list is an entry that is no JSON`() throws {
        let all = try FlowFilePiece.all(in: Array(#"{"log":{"entries":[1,,2,]}}"#.utf8))
        #expect(all.map { $0.bytes.count } == [1, 0, 1, 0])
        guard case .fault(let reason) = FlowFileItem(all[1]) else {
            Issue.record("an empty entry is no fault")
            return
        }
        #expect(reason.hasPrefix("not JSON"))
    }
}
