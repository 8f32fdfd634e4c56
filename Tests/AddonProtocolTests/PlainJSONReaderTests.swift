import FuzzTargets
import Testing

@testable import AddonProtocol

struct PlainJSONReaderTests {
    private func plain(_ text: String) -> JSONValue? {
        Array(text.utf8).withUnsafeBytes { PlainJSONReader.read($0, maximumDepth: 8) }
    }

    private func jansson(_ bytes: [UInt8]) -> JSONValue? {
        bytes.withUnsafeBytes { try? JSONReader.readWithJansson($0, maximumDepth: 8) }
    }

    @Test(arguments: [
        "null", " true ", "false", "0", "-7", "123456789012345678", "\"\"", "\"a\"", "\"é\\u00e9\\n\\\"\\/\"", "[]",
        "{}",
        "[1,\"2\",[3]]", "{\"a\":1,\"b\":{\"c\":[null]}}", "[1732442400.123456,-0.5]", "{ \"a\" : [ 1 , 2 ] }",
        "[-0.0]", "[0.1,9007199254740991.5]", "[123456789.123456789123]",
    ])
    func plainTextIsReadAsJanssonReadsIt(text: String) {
        #expect(plain(text) != nil)
        #expect(plain(text) == jansson(Array(text.utf8)))
    }

    @Test(arguments: [
        "", "nul", "01", "-", "1.", ".5", "1e5", "1.5", "-0", "1234567890123456789", "[1,]", "[1 2]", "{\"a\":1,}",
        "{\"a\":1,\"a\":2}", "{a:1}", "\"\\ud83d\\ude00\"", "\"\\x\"", "\"\u{1}\"", "\"open", "\"\\", "[1]x",
        "[[[[[[[[[1]]]]]]]]]", "\"\\u12\"",
    ])
    func whateverIsNotPlainIsLeftToJansson(text: String) {
        #expect(plain(text) == nil)
    }

    @Test func fractionsAreReadAsJanssonReadsThem() {
        var random = SeededGenerator()
        for _ in 0..<50_000 {
            let whole = String(Int.random(in: -2_000_000_000...2_000_000_000, using: &random))
            let digits = String(UInt64.random(in: .min ... .max, using: &random))
            let places = Int.random(in: 1...digits.count, using: &random)
            let text = "[\(whole.prefix(Int.random(in: 1...whole.count, using: &random))).\(digits.prefix(places))]"
            if let value = plain(text) { #expect(value == jansson(Array(text.utf8)), "\(text), \(random)") }
        }
    }

    @Test func invalidUTF8IsLeftToJansson() {
        let bytes: [UInt8] = [0x22, 0xff, 0x22]
        #expect(bytes.withUnsafeBytes { PlainJSONReader.read($0, maximumDepth: 8) } == nil)
    }

    @Test func whateverIsReadIsWhatJanssonReads() {
        var random = SeededGenerator()
        let seed = Array(
            "{\"id\":12,\"a\":[1,-2,0.5,\"x\\n\\u0041é\",null,true,{\"b\":{\"c\":\"\"}}],\"t\":1732442400.25}".utf8
        )
        for _ in 0..<50_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = seed[Int.random(in: 0..<seed.count, using: &random)]
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
                }
            }
            if let value = bytes.withUnsafeBytes({ PlainJSONReader.read($0, maximumDepth: 8) }) {
                #expect(value == jansson(bytes), "\(String(decoding: bytes, as: UTF8.self)), \(random)")
            }
        }
    }
}
