import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// The samples in NIOHTTP1's parser (llhttp): the same verdict and body, except for intended differences.
@Suite struct NIOHTTP1ComparisonTests {
    @Test(arguments: Sample.all)
    func agrees(_ sample: Sample) throws {
        let theirs = sample.side == .client ? try requestResult(sample) : try responseResult(sample)
        let ours = Verdict(Transcript.of(sample.bytes, from: sample.side).firstResult)
        if let reason = Difference.fromNIO[sample.name] {
            #expect(theirs != ours, "no difference any more, though listed: \(reason)")
        } else {
            #expect(theirs == ours)
        }
    }

    @Test func listedDifferencesAreSamples() {
        #expect(Set(Difference.fromNIO.keys).isSubset(of: Sample.all.map(\.name)))
    }

    private func requestResult(_ sample: Sample) throws -> Verdict {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        let error = feed(sample.bytes, into: channel)
        var body: [UInt8] = []
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head: break
            case .body(let data): body += data.readableBytesView
            case .end: return .body(text(body))
            }
        }
        return verdict(of: error)
    }

    private func responseResult(_ sample: Sample) throws -> Verdict {
        guard case .server(let method) = sample.side else { return .refused }
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
        let request = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: "/")
        try channel.writeOutbound(HTTPClientRequestPart.head(request))
        try channel.writeOutbound(HTTPClientRequestPart.end(nil))
        let error = feed(sample.bytes, into: channel)
        var body: [UInt8] = []
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head: body = []
            case .body(let data): body += data.readableBytesView
            case .end: return .body(text(body))
            }
        }
        return verdict(of: error)
    }

    private func feed(_ bytes: [UInt8], into channel: EmbeddedChannel) -> (any Error)? {
        do {
            try channel.writeInbound(ByteBuffer(bytes: bytes))
            _ = try channel.finish(acceptAlreadyClosed: true)
            return nil
        } catch {
            return error
        }
    }

    private func verdict(of error: (any Error)?) -> Verdict {
        switch error {
        case nil: .incomplete
        case let error as HTTPParserError where error == .invalidEOFState: .incomplete
        case _?: .refused
        }
    }
}

/// The part of the outcome in which parsers can be compared.
enum Verdict: Equatable {
    case body(String)
    case refused
    case incomplete

    init(_ result: Sample.Expected) {
        switch result {
        case .body(let body): self = .body(body)
        case .refused: self = .refused
        case .incomplete: self = .incomplete
        }
    }
}
