import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LogEntryTests {
    @Test(
        arguments: [
            ("abc", 3, "abc"), ("abcd", 3, "…"), ("abcdef", 5, "ab…"), ("aéé", 4, "a…"), ("éé", 4, "éé"),
            ("a🙂b", 5, "a…"),
        ] as [(String, Int, String)]
    )
    func `a text is cut between characters`(text: String, limit: Int, shortened: String) {
        #expect(text.shortened(toBytes: limit) == shortened)
    }

    @Test(arguments: ["x", "é", "\u{1b}"]) func `neither message nor line is longer than it may be`(character: String) {
        let text = String(repeating: character, count: 100_000)
        let entry = LogEntry(level: .warn, msg: text, timestamp: 0, source: "addon:a", flow: nil)
        #expect(entry.msg.utf8.count <= Limits.logLineBytes)
        #expect(entry.line.utf8.count <= Limits.logLineBytes)
        #expect(entry.line.hasSuffix("…"))
    }
}
