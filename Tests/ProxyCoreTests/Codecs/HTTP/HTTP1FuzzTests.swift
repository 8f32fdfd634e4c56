import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// Random changes to the samples. A trap would end the test run.
@Suite struct HTTP1FuzzTests {
    private static let rounds = 20_000

    private static func mutated(_ body: (Sample, [UInt8], inout SeededGenerator) throws -> Void) rethrows {
        var random = SeededGenerator()
        let samples = Sample.all.filter { $0.text.unicodeScalars.count < 1000 }
        for _ in 0..<rounds {
            let sample = samples[random.below(samples.count)]
            var bytes = sample.bytes
            for _ in 0...random.below(3) { random.mutate(&bytes, with: samples[random.below(samples.count)].bytes) }
            try body(sample, bytes, &random)
        }
    }

    @Test func splitsDoNotMatter() {
        Self.mutated { sample, bytes, random in
            let whole = Transcript.of(bytes, from: sample.side)
            let pieces = (0..<4).map { _ in 1 + random.below(40) }
            let parts = Transcript.of(bytes, from: sample.side, pieces: pieces)
            #expect(parts.content == whole.content, "\(quoted(bytes)) in pieces of \(pieces), \(random)")
        }
    }

    @Test func bytewiseIsTheSame() {
        var count = 0
        Self.mutated { sample, bytes, random in
            count += 1
            guard count.isMultiple(of: 8) else { return }
            let whole = Transcript.of(bytes, from: sample.side)
            let parts = Transcript.of(bytes, from: sample.side, pieces: [1])
            #expect(parts.content == whole.content, "\(quoted(bytes)), \(random)")
        }
    }

    @Test func writtenMessagesReadTheSame() {
        Self.mutated { sample, bytes, random in
            for message in Transcript.of(bytes, from: sample.side).messages {
                let again = Transcript.of(message.wire, from: sample.side).messages.first
                #expect(again == message, "\(quoted(bytes)), \(random)")
            }
        }
    }

    /// Whatever arrives, the buffer holds less than the limits allow.
    @Test func unreadBytesAreBounded() {
        var limits = HeadLimits()
        limits.bytes = 200
        limits.fields = 4
        Self.mutated { sample, bytes, random in
            let pieces = [1 + random.below(16)]
            let transcript = Transcript.of(bytes + bytes, from: sample.side, pieces: pieces, limits: limits)
            guard transcript.error == nil else { return }
            #expect(transcript.mostUnread < max(limits.bytes, HTTP1Limits.chunkLineBytes), "\(random)")
            #expect(transcript.messages.allSatisfy { $0.fields.count <= limits.fields }, "\(random)")
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func below(_ bound: Int) -> Int {
        Int.random(in: 0..<bound, using: &self)
    }

    private static let special = bytes("\r\n\0\t :,;=0159afx-+\"\u{7f}\u{80}\u{ff}/[]@#?*.")
    private static let phrases = [
        "\r\n", "\r\n\r\n", "0\r\n\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Host: a\r\n",
        "HTTP/1.1", "HTTP/1.0", "ffffffffffffffff", "99999999999999999999", "Connection: close\r\n", "\n", "\r",
    ].map(bytes)

    fileprivate mutating func mutate(_ bytes: inout [UInt8], with other: [UInt8]) {
        let start = below(bytes.count + 1)
        let end = min(bytes.count, start + below(12))
        switch below(7) {
        case 0: bytes.replaceSubrange(start..<end, with: [])
        case 1: bytes.insert(Self.special[below(Self.special.count)], at: start)
        case 2: bytes.insert(UInt8(below(256)), at: start)
        case 3 where start < bytes.count: bytes[start] = Self.special[below(Self.special.count)]
        case 4: bytes.insert(contentsOf: bytes[start..<end], at: start)
        case 5: bytes.insert(contentsOf: Self.phrases[below(Self.phrases.count)], at: start)
        default: bytes = Array(bytes[..<start] + other[min(start, other.count)...])
        }
    }
}
