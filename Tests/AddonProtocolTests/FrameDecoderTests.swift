import AddonProtocol
import Testing

@Suite struct FrameDecoderTests {
    /// Feeds `input` in pieces of `size` bytes and returns every frame as text.
    private func frames(_ input: String, piece size: Int, limit: Int = 1000) throws -> [String] {
        var decoder = FrameDecoder(maximumFrameBytes: limit)
        var frames: [String] = []
        let bytes = Array(input.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            decoder.append(Array(bytes[start..<min(start + size, bytes.count)]))
            while let frame = try decoder.next() { frames.append(String(decoding: frame, as: UTF8.self)) }
        }
        return frames
    }

    private static let transcripts: [(String, [String])] = [
        ("{}\n", ["{}"]),
        ("{\"a\":1}\n[2]\n3\n", ["{\"a\":1}", "[2]", "3"]),
        ("1\r\n2\r\n", ["1", "2"]),
        ("\n\r\n\n1\n\n\n2\n", ["1", "2"]),
        ("1\nunended", ["1"]),
        ("1\rx\r\r\n", ["1\rx\r"]),
        ("Content-Length: 2\r\n\r\n{}", ["{}"]),
        ("Content-Length: 3\r\n\r\n1\n2Content-Length: 1\r\n\r\n3", ["1\n2", "3"]),
        ("Content-Length:0\r\n\r\nCONTENT-LENGTH: 1 \r\nContent-Type: x; charset=utf-8\r\n\r\n1", ["1"]),
        ("Content-Type: x\r\nContent-Length: 1\r\n\r\n1Content-Length: 5\r\n\r\n12", ["1"]),
    ]

    @Test(arguments: transcripts.indices, [1, 2, 3, 5, 1000])
    func cutsFramesAtAnySplit(transcript: Int, piece: Int) throws {
        let (input, expected) = Self.transcripts[transcript]
        #expect(try frames(input, piece: piece) == expected)
    }

    @Test(arguments: [
        "Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: \r\n\r\n", "C\r\n\r\n",
        "Content-Type: x\r\n\r\n{}", "C" + String(repeating: "x", count: 1100),
        String(repeating: "C: x\r\n", count: 20),
    ])
    func refusesABrokenHeader(input: String) {
        for piece in [1, 7, 2000] {
            let error = #expect(throws: ProtocolError.self) { try frames(input, piece: piece) }
            #expect(error?.code == ProtocolError.parseError)
        }
    }

    @Test(arguments: [
        "1234567890\n", "12345678901\n", "Content-Length: 11\r\n", "Content-Length: 99999999999999999999\r\n",
    ])
    func refusesAFrameOverTheLimitBeforeItHasCome(input: String) throws {
        for piece in [1, 1000] {
            guard input.count != 11 else {
                #expect(try frames(input, piece: piece, limit: 10) == ["1234567890"])
                continue
            }
            let error = #expect(throws: ProtocolError.self) { try frames(input, piece: piece, limit: 10) }
            #expect(error?.code == ProtocolError.invalidRequest)
            #expect(error?.data == ["limit": 10])
        }
    }

    @Test func staysFailedAndTakesNoMoreMemory() {
        var decoder = FrameDecoder(maximumFrameBytes: 4)
        decoder.append(Array("12345".utf8))
        #expect(throws: ProtocolError.self) { try decoder.next() }
        decoder.append(Array("\n1\n".utf8))
        #expect(throws: ProtocolError.self) { try decoder.next() }
    }

    @Test func decidesFramingByTheFirstByte() throws {
        var lines = FrameDecoder()
        #expect(lines.framing == nil)
        lines.append(Array("{".utf8))
        #expect(try lines.next() == nil)
        #expect(lines.framing == .lines)
        var lengths = FrameDecoder()
        lengths.append(Array("C".utf8))
        #expect(try lengths.next() == nil)
        #expect(lengths.framing == .contentLength)
    }

    @Test func readsALongFrameByteByByteInLinearTime() throws {
        var decoder = FrameDecoder()
        let byte = [UInt8(ascii: "x")]
        for _ in 0..<300_000 {
            decoder.append(byte)
            #expect(try decoder.next() == nil)
        }
        decoder.append([0x0A])
        #expect(try decoder.next()?.count == 300_000)
    }

    @Test(arguments: [Framing.lines, .contentLength])
    func readsWhatFramingWrites(framing: Framing) throws {
        var decoder = FrameDecoder()
        let messages = [Array("{\"a\":1}".utf8), Array("[2]".utf8)]
        for message in messages { decoder.append(framing.frame(message)) }
        #expect(try decoder.next() == messages[0])
        #expect(try decoder.next() == messages[1])
        #expect(try decoder.next() == nil)
        #expect(decoder.framing == framing)
    }
}
