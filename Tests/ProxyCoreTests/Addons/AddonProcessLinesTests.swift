import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessLinesTests {
    @Test func `lines come out the same, however they are cut`() {
        let text = Array("one\ntwo\r\n\nthrée\nrest".utf8)
        for cut in 0...text.count {
            var lines = AddonProcessLines()
            var result = lines.append(text[..<cut]) + lines.append(text[cut...])
            result += lines.finish().map { [$0] } ?? []
            #expect(result == ["one", "two", "", "thrée", "rest"])
        }
    }

    @Test func `nothing more than what was written`() {
        var lines = AddonProcessLines()
        #expect(lines.append(Array("a\n".utf8)) == ["a"])
        #expect(lines.finish() == nil)
    }
}
