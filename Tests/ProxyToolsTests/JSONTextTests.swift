import AddonProtocol
import Testing

@testable import ProxyTools

struct JSONTextTests {
    @Test(arguments: ["\u{1b}[2J", "\u{9b}2J", "\u{202e}x", "\u{e0001}", "ü→日"])
    func `is the same JSON and harmless`(text: String) throws {
        let line = JSONText.line(["key": .string(text)])
        #expect(try JSONReader.read(Array(line.utf8)) == ["key": .string(text)])
        #expect(escapedForTerminal(line) == line)
    }
}
