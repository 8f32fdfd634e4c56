import AddonProtocol
import Testing

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `many bytes of control characters are shorter in base64`() {
        func isText(_ bytes: [UInt8]) -> Bool { text { $0.bytes(bytes) }.hasPrefix("\"") }
        #expect(isText(Array(repeating: 0, count: 64 << 10)))
        #expect(!isText(Array(repeating: 0, count: (64 << 10) + 1)))
        #expect(isText(Array(repeating: UInt8(ascii: "a"), count: 1 << 17)))
        let lines = Array(String(repeating: "a line of text, \"quoted\"\n", count: 10_000).utf8)
        #expect(isText(lines))
    }

    @Test func putsCommasWhereTheyBelong() {
        let written = text { writer in
            writer.beginObject()
            writer.key("a")
            writer.integer(1)
            writer.key(text: "b\"")
            writer.beginArray()
            writer.null()
            writer.bool(true)
            writer.beginObject()
            writer.endObject()
            writer.beginArray()
            writer.endArray()
            writer.raw(Array(#"{"x":1}"#.utf8))
            writer.string("s")
            writer.bytes([0xFF])
            writer.endArray()
            writer.key("c")
            writer.number(1.5)
            writer.endObject()
        }
        #expect(written == #"{"a":1,"b\"":[null,true,{},[],{"x":1},"s",{"base64":"/w=="}],"c":1.5}"#)
    }

    @Test(arguments: [0, 4, 1000])
    func givesItsTextAwayAndStartsAnew(limit: Int) {
        var writer = JSONWriter(capacity: 100)
        for number in 1...3 {
            writer.beginArray()
            writer.integer(number)
            writer.string("text")
            writer.endArray()
            #expect(writer.takeBytes(keepingCapacityUpTo: limit) == Array("[\(number),\"text\"]".utf8))
            #expect(writer.bytes.isEmpty)
        }
    }

    @Test(arguments: [
        (0, "0"), (-1, "-1"), (10, "10"), (Int.max, "9223372036854775807"), (Int.min, "-9223372036854775808"),
    ])
    func writesIntegers(value: Int, expected: String) {
        #expect(text { $0.integer(value) } == expected)
    }

    @Test(arguments: [
        (1_732_442_400.123456, "1732442400.123456"), (1_732_442_400, "1732442400.0"), (0.1, "0.1"),
        (0.000001, "0.000001"),
        (-0.0, "-0.0"), (1.05, "1.05"), (-2.5, "-2.5"), (1e300, "1e+300"), (.leastNonzeroMagnitude, "5e-324"),
        (1_732_442_400.1234567, "1732442400.1234567"), (.infinity, "null"), (-.infinity, "null"), (.nan, "null"),
    ])
    func writesTheShortestDecimal(value: Double, expected: String) {
        #expect(text { $0.number(value) } == expected)
    }

    @Test func writesRandomNumbersExactly() throws {
        for _ in 0..<20_000 {
            let time = Double.random(in: 0...3e9)
            let micros = (time * 1_000_000).rounded() / 1_000_000
            for value in [time, micros, -micros, Double(bitPattern: UInt64.random(in: 0...UInt64.max))] {
                guard value.isFinite else { continue }
                let written = text { $0.number(value) }
                #expect(Double(written) == value)
                #expect(written.utf8.count <= max(value.description.utf8.count, 8))
            }
        }
    }

    @Test func escapesWhatAStringCannotHold() throws {
        let controls = String(String.UnicodeScalarView((0..<0x30).compactMap(Unicode.Scalar.init)))
        let special = controls + "\\\u{7F}\u{2028}é😀"
        let written = text { $0.string(special) }
        #expect(try JSONReader.read(Array(written.utf8)) == .string(special))
        #expect(written.hasPrefix(#""\u0000\u0001"#))
        #expect(written.contains(#"\b\t\n\u000b\f\r\u000e"#))
        #expect(!written.utf8.contains { $0 < 0x20 })
    }

    @Test(arguments: 0..<40)
    func findsAnEscapeAtEveryOffset(offset: Int) throws {
        for special: UInt8 in [0x00, 0x1F, 0x22, 0x5C, 0x0A] {
            var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 40)
            bytes[offset] = special
            var writer = JSONWriter()
            writer.bytes(bytes)
            #expect(try JSONReader.read(writer.bytes).bytesValue == bytes)
        }
    }

    @Test(arguments: [4095, 4096, 4097, 20_000])
    func escapesLongText(length: Int) throws {
        for bytes in [[UInt8](repeating: 0x01, count: length), (0..<length).map { UInt8($0 % 100) }] {
            var writer = JSONWriter()
            writer.bytes(bytes)
            #expect(try JSONReader.read(writer.bytes).bytesValue == bytes)
        }
    }

    @Test func writesBytesOfEveryContainerAlike() {
        let bytes = Array("näh".utf8)
        let all = text { writer in
            writer.beginArray()
            writer.bytes(bytes)
            writer.bytes(bytes[...])
            bytes.withUnsafeBytes { writer.bytes($0) }
            writer.bytes("näh".utf8)
            writer.bytes(bytes.reversed().reversed())
            writer.endArray()
        }
        #expect(all == #"["näh","näh","näh","näh","näh"]"#)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x61, 0xC3], [0x80],
        ] as [[UInt8]]
    )
    func writesInvalidUTF8AsBase64(bytes: [UInt8]) throws {
        var writer = JSONWriter()
        writer.bytes(bytes)
        let value = try JSONReader.read(writer.bytes)
        #expect(value["base64"] != nil)
        #expect(value.bytesValue == bytes)
        #expect(JSONValue(bytes: bytes) == value)
    }

    @Test func readsRandomBytesBackUnchanged() throws {
        for length in 0..<600 {
            let top: UInt8 = length.isMultiple(of: 2) ? 0x7F : 0xFF
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...top) }
            var writer = JSONWriter()
            writer.bytes(bytes)
            #expect(!writer.bytes.contains(0x0A))
            #expect(try JSONReader.read(writer.bytes).bytesValue == bytes)
        }
    }

    @Test func writesHeadersAsPairsInWireOrder() {
        var fields: HeaderFields = ["A": "1", "a": "2"]
        fields.append(name: "X-Bytes".utf8, value: [0xFF, 0xFE])
        fields.append("E", "")
        #expect(text { $0.headers(fields) } == #"[["A","1"],["a","2"],["X-Bytes",{"base64":"//4="}],["E",""]]"#)
        #expect(text { $0.headers([:]) } == "[]")
    }

    @Test func readsItsOwnRandomValuesBack() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let value = randomValue(depth: 4, using: &generator)
            #expect(try JSONReader.read(value.encoded()) == value)
        }
    }

    private func randomValue(depth: Int, using generator: inout SystemRandomNumberGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(.random(in: .min ... .max, using: &generator))
        case 3: return .number(.random(in: -1e9...1e9, using: &generator))
        case 4: return .string(randomString(using: &generator))
        case 5:
            return .array((0..<Int.random(in: 0..<5)).map { _ in randomValue(depth: depth - 1, using: &generator) })
        default:
            return .object(
                (0..<Int.random(in: 0..<5)).map {
                    JSONValue.Member("k\($0)\n", randomValue(depth: depth - 1, using: &generator))
                }
            )
        }
    }

    private func randomString(using generator: inout SystemRandomNumberGenerator) -> String {
        let scalars = (0..<Int.random(in: 0..<20)).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &generator))
        }
        return String(String.UnicodeScalarView(scalars))
    }
}

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func agreesWithTheStandard(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9 ", "Zm-_", "Zm9vé", "=Zm9"])
    func refusesOtherText(text: String) {
        #expect(Base64.decode(text) == nil)
        #expect(JSONValue.object([.init("base64", .string(text))]).bytesValue == nil)
    }
}
