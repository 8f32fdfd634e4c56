import AddonProtocol
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// One connection's bytes, and the expected result for its first message.
struct Sample: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable, Equatable {
        /// Parsed, with this body.
        case body(String)
        case refused(HTTP1Error.Code)
        /// The bytes end before the message does.
        case incomplete
    }

    let name: String
    let side: Side
    let text: String
    let expected: Expected

    var bytes: [UInt8] { ProxyCoreTests.bytes(text) }
    var testDescription: String { name }

    static func request(_ name: String, _ text: String, _ expected: Expected = .body("")) -> Sample {
        Sample(name: name, side: .client, text: text, expected: expected)
    }

    static func response(
        _ name: String,
        to method: String = "GET",
        _ text: String,
        _ expected: Expected = .body("")
    ) -> Sample {
        Sample(name: name, side: .server(method: method), text: text, expected: expected)
    }

    static let all = goodRequests + badRequests + goodResponses + badResponses + smuggling.map(\.sample)
}

extension Transcript {
    /// The result for the first message that is not an interim response (RFC 9110, section 15.2).
    var firstResult: Sample.Expected {
        let first = messages.first { message in
            guard case .response(let head) = message.head else { return true }
            return head.status >= 200 || head.status == 101
        }
        if let first { return .body(text(first.body)) }
        guard let error, error.code != .incompleteBody else { return .incomplete }
        return .refused(error.code)
    }
}

@Suite struct SampleTests {
    @Test(arguments: Sample.all)
    func comesOutAsExpected(_ sample: Sample) {
        let whole = Transcript.of(sample.bytes, from: sample.side)
        #expect(whole.firstResult == sample.expected)
    }

    @Test(arguments: Sample.all)
    func comesOutTheSameByteByByte(_ sample: Sample) {
        let whole = Transcript.of(sample.bytes, from: sample.side)
        #expect(Transcript.of(sample.bytes, from: sample.side, pieces: [1]).content == whole.content)
    }

    @Test(arguments: Sample.all.filter { $0.text.unicodeScalars.count < 2000 })
    func comesOutTheSameSplitAnywhere(_ sample: Sample) {
        let whole = Transcript.of(sample.bytes, from: sample.side).content
        for split in 1..<max(sample.bytes.count, 2) {
            let parts = Transcript.of(sample.bytes, from: sample.side, pieces: [split, .max])
            #expect(parts.content == whole, "split at \(split)")
        }
    }

    @Test func namesAreUnique() {
        #expect(Set(Sample.all.map(\.name)).count == Sample.all.count)
    }
}
