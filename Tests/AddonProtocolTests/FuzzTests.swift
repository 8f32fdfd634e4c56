import AddonProtocol
import FuzzTargets
import Testing

/// Whatever arrives over the socket is refused or parsed; nothing traps.
@Suite struct FuzzTests {
    private static let seeds = [
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol":[1],"name":"x","events":["*"]}}"#,
        #"{"name":"x","events":[{"event":"request","body":{"preview":4096},"timeout_ms":10,"include":["a"]}]}"#,
        #"[{"jsonrpc":"2.0","id":"a","result":{"flow":{"request":{"content":{"base64":"/w=="}}}}},1e99,-0.0]"#,
        "Content-Length: 10\r\n\r\n{\"a\":\"\\u00e9\"}\n{}\r\n",
    ]

    private func mutated(_ seed: String, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(seed.utf8)
        for _ in 0..<Int.random(in: 0..<6, using: &random) {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[index] = .random(in: 0...255, using: &random)
            case 1: bytes.insert(Array("\"{}[],:\\\n0".utf8).randomElement(using: &random) ?? 0, at: index)
            case 2: bytes.insert(contentsOf: bytes[index...].prefix(20), at: index)
            default: bytes.removeSubrange(index..<min(index + 5, bytes.count - 1))
            }
        }
        return bytes
    }

    @Test(arguments: seeds)
    func readsOrRefuses(seed: String) {
        var random = SeededGenerator()
        for _ in 0..<1500 {
            let bytes = mutated(seed, &random)
            _ = try? IncomingFrame.decode(bytes)
            guard let value = try? JSONReader.read(bytes) else { continue }
            #expect((try? JSONReader.read(value.encoded())) == value, "\(random)")
            _ = try? Registration(params: value)
            _ = value.bytesValue
        }
    }

    @Test(arguments: seeds)
    func framesOrRefuses(seed: String) {
        var random = SeededGenerator()
        for _ in 0..<400 {
            let bytes = mutated(seed, &random)
            var decoder = FrameDecoder(maximumFrameBytes: 64)
            var whole = FrameDecoder(maximumFrameBytes: 64)
            whole.append(bytes)
            let expected = frames(&whole)
            var split: [[UInt8]] = []
            for byte in bytes {
                decoder.append([byte])
                split += frames(&decoder)
            }
            #expect(split == expected, "\(random)")
        }
    }

    private func frames(_ decoder: inout FrameDecoder) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let frame = try? decoder.next() { frames.append(frame) }
        return frames
    }
}
