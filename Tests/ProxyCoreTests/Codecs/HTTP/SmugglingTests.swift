import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// Bytes in which two hops may see different requests, collected from published attacks.
struct Smuggled: Sendable {
    let name: String
    let text: String
    let outcome: Outcome

    enum Outcome: Sendable {
        case refused(HTTP1Error.Code)
        /// Parsed with `body`; the next hop gets the first message as `forwarded`, in which nothing is ambiguous.
        case forwarded(String, body: String)
    }

    var sample: Sample {
        switch outcome {
        case .refused(let code): .request("smuggling: " + name, text, .refused(code))
        case .forwarded(_, let body): .request("smuggling: " + name, text, .body(body))
        }
    }

    static func refused(_ name: String, _ code: HTTP1Error.Code, _ text: String) -> Smuggled {
        Smuggled(name: name, text: text, outcome: .refused(code))
    }

    static func forwarded(_ name: String, _ text: String, as forwarded: String, body: String) -> Smuggled {
        Smuggled(name: name, text: text, outcome: .forwarded(forwarded, body: body))
    }
}

extension Sample {
    static let smuggling = codings + lengths + chunkLines + routes + harmless

    private static func post(
        _ fields: String,
        _ body: String = "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
    ) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n\(body)"
    }

    /// A Transfer-Encoding that one hop takes for chunked and another does not.
    private static let codings: [Smuggled] = [
        .refused("CL.TE", .contradictoryFraming, post("Content-Length: 6\r\nTransfer-Encoding: chunked")),
        .refused("TE.CL", .contradictoryFraming, post("Transfer-Encoding: chunked\r\nContent-Length: 3")),
        .refused("CL 0 and TE", .contradictoryFraming, post("Content-Length: 0\r\nTransfer-Encoding: chunked")),
        .refused("CL and TE identity", .contradictoryFraming, post("Content-Length: 5\r\nTransfer-Encoding: identity")),
        .refused("CL and empty TE", .contradictoryFraming, post("Content-Length: 5\r\nTransfer-Encoding:")),
        .refused("TE xchunked", .unsupportedTransferCoding, post("Transfer-Encoding: xchunked")),
        .refused("TE x", .unsupportedTransferCoding, post("Transfer-Encoding: x")),
        .refused("TE identity", .unsupportedTransferCoding, post("Transfer-Encoding: identity")),
        .refused("TE chunked, identity", .unsupportedTransferCoding, post("Transfer-Encoding: chunked, identity")),
        .refused("TE identity, chunked", .unsupportedTransferCoding, post("Transfer-Encoding: identity, chunked")),
        .refused(
            "TE chunked and cow",
            .unsupportedTransferCoding,
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow")
        ),
        .refused(
            "TE cow and chunked",
            .unsupportedTransferCoding,
            post("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked")
        ),
        .refused(
            "TE chunked twice",
            .badTransferCoding,
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")
        ),
        .refused("TE chunked, chunked", .badTransferCoding, post("Transfer-Encoding: chunked, chunked")),
        .refused("TE chunked, gzip", .badTransferCoding, post("Transfer-Encoding: chunked, gzip")),
        .refused("TE gzip, chunked", .unsupportedTransferCoding, post("Transfer-Encoding: gzip, chunked")),
        .refused("TE gzip", .badTransferCoding, post("Transfer-Encoding: gzip")),
        .refused("empty TE", .badTransferCoding, post("Transfer-Encoding:")),
        .refused("TE comma chunked", .badTransferCoding, post("Transfer-Encoding: ,chunked")),
        .refused("TE chunked comma", .badTransferCoding, post("Transfer-Encoding: chunked,")),
        .refused("TE in quotes", .unsupportedTransferCoding, post("Transfer-Encoding: \"chunked\"")),
        .refused("TE with parameter", .unsupportedTransferCoding, post("Transfer-Encoding: chunked;a=b")),
        .refused("TE with semicolon", .unsupportedTransferCoding, post("Transfer-Encoding: chunked;")),
        .refused("TE chunked and more", .unsupportedTransferCoding, post("Transfer-Encoding: chunked foo")),
        .refused("TE with byte over 0x7f", .unsupportedTransferCoding, post("Transfer-Encoding: \u{ff}chunked")),
        .refused("TE with no-break space", .unsupportedTransferCoding, post("Transfer-Encoding: \u{a0}chunked")),
        .refused("TE after VT", .badFieldValue, post("Transfer-Encoding: \u{b}chunked")),
        .refused("TE before VT", .badFieldValue, post("Transfer-Encoding: chunked\u{b}")),
        .refused("TE after FF", .badFieldValue, post("Transfer-Encoding:\u{c}chunked")),
        .refused("TE after NUL", .badFieldValue, post("Transfer-Encoding: \0chunked")),
        .refused("TE before bare CR", .badFieldValue, post("Transfer-Encoding: chunked\r")),
        .refused(
            "TE in HTTP/1.0",
            .contradictoryFraming,
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET"
        ),
        .refused("TE before colon", .badFieldName, post("Transfer-Encoding : chunked\r\nContent-Length: 5")),
        .refused("TE before tab and colon", .badFieldName, post("Transfer-Encoding\t: chunked")),
        .refused("TE before NUL", .badFieldName, post("Transfer-Encoding\0: chunked")),
        .refused("TE before bare CR and colon", .badFieldName, post("Transfer-Encoding\r: chunked")),
        .refused("TE folded away", .foldedField, post("Content-Length: 5\r\n Transfer-Encoding: chunked")),
        .refused("TE folded value", .foldedField, post("Transfer-Encoding:\r\n chunked")),
        .refused("TE folded name", .badFieldName, post("Transfer-\r\nEncoding: chunked")),
        .refused("TE behind bare LF", .bareLineFeed, post("X: y\nTransfer-Encoding: chunked")),
        .refused("TE behind bare CR", .badFieldValue, post("X: y\rTransfer-Encoding: chunked")),
        .refused(
            "TE first, indented",
            .foldedField,
            "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n"
        ),
    ]

    /// Lengths that are interpreted differently.
    private static let lengths: [Smuggled] = [
        .refused("two CL", .badContentLength, post("Content-Length: 0\r\nContent-Length: 5")),
        .refused("two CL in a list", .badContentLength, post("Content-Length: 5, 6")),
        .refused("CL with plus", .badContentLength, post("Content-Length: +5")),
        .refused("CL with minus", .badContentLength, post("Content-Length: -0")),
        .refused("CL hexadecimal", .badContentLength, post("Content-Length: 0x05")),
        .refused("CL with underscore", .badContentLength, post("Content-Length: 1_0")),
        .refused("CL with decimals", .badContentLength, post("Content-Length: 5.0")),
        .refused("CL with exponent", .badContentLength, post("Content-Length: 1e1")),
        .refused("CL in quotes", .badContentLength, post("Content-Length: \"5\"")),
        .refused("CL two numbers", .badContentLength, post("Content-Length: 5 6")),
        .refused("CL wraps 64 bits", .badContentLength, post("Content-Length: 18446744073709551616")),
        .refused("CL in fullwidth digits", .badContentLength, post("Content-Length: \u{ef}\u{bc}\u{95}")),
        .refused("CL before colon", .badFieldName, post("Content-Length : 5")),
        .refused("CL folded", .foldedField, post("Content-Length:\r\n 5")),
        .refused("CL after NUL", .badFieldValue, post("Content-Length: \u{0}5")),
    ]

    /// Chunk lines that are interpreted differently.
    private static let chunkLines: [Smuggled] = [
        .refused("chunk line ends with LF", .bareLineFeed, chunked("5\nhello\r\n0\r\n\r\n")),
        .refused("LF in a chunk extension", .bareLineFeed, chunked("5;a\nhello\r\n0\r\n\r\n")),
        .refused("CR in a chunk extension", .badChunk, chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
        .refused("chunk data ends with LF", .badChunk, chunked("5\r\nhello\n0\r\n\r\n")),
        .refused("chunk data ends with CR", .badChunk, chunked("5\r\nhello\r0\r\n\r\n")),
        .refused("chunk data ends with other bytes", .badChunk, chunked("5\r\nhelloXX0\r\n\r\n")),
        .refused("chunk size wraps", .badChunk, chunked("ffffffffffffffff5\r\nhello\r\n0\r\n\r\n")),
        .refused("chunk size in hexadecimal with 0x", .badChunk, chunked("0x0\r\n\r\n")),
        .refused("chunk size with minus", .badChunk, chunked("-1\r\nhello\r\n0\r\n\r\n")),
        .refused("chunk size with underscore", .badChunk, chunked("1_0\r\nhello\r\n0\r\n\r\n")),
        .refused("two chunk sizes", .badChunk, chunked("5 5\r\nhello\r\n0\r\n\r\n")),
        .refused("length among trailers", .badTrailer, chunked("0\r\nContent-Length: 5\r\n\r\nhello")),
        .refused("coding among trailers", .badTrailer, chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
        .refused("host among trailers", .badTrailer, chunked("0\r\nHost: b\r\n\r\n")),
        .refused("trailer ends with LF", .bareLineFeed, chunked("0\r\nX: y\n\r\n")),
        .refused("last chunk without CR", .bareLineFeed, chunked("0\r\n\n")),
    ]

    /// Requests that are sent to different places.
    private static let routes: [Smuggled] = [
        .refused("second request line after a bare CR", .badTarget, "GET /\rGET /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("two Hosts", .badHost, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        .refused("two hosts in Host", .badHost, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        .refused("Host with userinfo", .badHost, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        .refused("Host with path", .badHost, "GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n"),
        .refused("Host with two ports", .badHost, "GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n"),
        .refused("Host with percent", .badHost, "GET / HTTP/1.1\r\nHost: a%00b\r\n\r\n"),
        .refused("target with userinfo", .badHost, "GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("target with backslash", .badHost, "GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("target without authority", .badHost, "GET http:///b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        .refused("version in the target", .badVersion, "GET / HTTP/1.1 HTTP/1.0\r\nHost: a\r\n\r\n"),
    ]

    /// Oddities that are forwarded without what is odd.
    private static let harmless: [Smuggled] = [
        .forwarded(
            "equal CL twice",
            post("Content-Length: 5\r\nContent-Length: 5", "hello"),
            as: post("Content-Length: 5", "hello"),
            body: "hello"
        ),
        .forwarded(
            "equal CL in a list",
            post("content-length: 5, 5 ,5", "hello"),
            as: post("content-length: 5", "hello"),
            body: "hello"
        ),
        .forwarded(
            "Connection names Content-Length",
            post("Connection: Content-Length, x\r\nContent-Length: 5\r\nX: y", "hello"),
            as: post("Content-Length: 5", "hello"),
            body: "hello"
        ),
        .forwarded(
            "Connection names Host and Transfer-Encoding",
            post("Connection: Host, Transfer-Encoding\r\nTransfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n"),
            as: post("Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n"),
            body: "x"
        ),
        .forwarded(
            "Connection names X-Forwarded-For and Cookie",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-For, Cookie\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n\r\n",
            as: "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n\r\n",
            body: ""
        ),
        .forwarded(
            "chunk extension",
            chunked("5;x=0\r\nhello\r\n0;y\r\n\r\n"),
            as: chunked("5\r\nhello\r\n0\r\n\r\n"),
            body: "hello"
        ),
        .forwarded(
            "TE before a tab",
            post("Transfer-Encoding: chunked\t", "5\r\nhello\r\n0\r\n\r\n"),
            as: post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            body: "hello"
        ),
        .forwarded(
            "TE in capitals",
            post("TRANSFER-ENCODING: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"),
            as: post("TRANSFER-ENCODING: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"),
            body: "hello"
        ),
        .forwarded(
            "target and Host differ",
            "GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n",
            as: "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
            body: ""
        ),
        .forwarded(
            "underscores for dashes",
            post("Transfer_Encoding: chunked\r\nContent-Length: 1", "x"),
            as: post("Transfer_Encoding: chunked\r\nContent-Length: 1", "x"),
            body: "x"
        ),
    ]
}

@Suite struct SmugglingTests {
    @Test func thereAreMany() {
        #expect(Sample.smuggling.count >= 40)
    }

    /// A refusal leaves nothing that could be forwarded.
    @Test(arguments: Sample.smuggling.map(\.sample))
    func refusedLeavesNoMessage(_ sample: Sample) {
        guard case .refused = sample.expected else { return }
        #expect(Transcript.of(sample.bytes, from: .client).messages.isEmpty)
    }

    @Test func forwardedIsUnambiguous() throws {
        for smuggled in Sample.smuggling {
            guard case .forwarded(let expected, _) = smuggled.outcome else { continue }
            let message = try #require(Transcript.of(bytes(smuggled.text), from: .client).messages.first)
            #expect(try forwarded(message) == expected, "\(smuggled.name)")
        }
    }

    /// The message as a forward proxy forwards it.
    private func forwarded(_ message: ReadMessage) throws -> String {
        guard case .request(var head) = message.head else { return "" }
        if case .absolute(let scheme, let authority, let path) = try RequestTarget(head) {
            head.target = path
            MessageRules.setHost(authority, scheme: scheme, in: &head.fields)
        }
        MessageRules.removeHopByHop(from: &head.fields, of: .request)
        let framing = MessageRules.setFraming(of: .length(UInt64(message.body.count)), in: &head)
        var buffer = ByteBuffer()
        HTTP1Encoder.write(head, into: &buffer)
        write(message.body, framing: framing, into: &buffer)
        return text(buffer.readableBytesView)
    }
}
