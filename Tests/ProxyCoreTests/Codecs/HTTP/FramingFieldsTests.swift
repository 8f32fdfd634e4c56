import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct FramingFieldsTests {
    // MARK: Requests

    @Test(
        arguments: [
            // Correct already: unchanged.
            (OutgoingBody.length(0), ["A": "b"], ["A": "b"], BodyFraming.none),
            (.length(0), ["content-length": "0"], ["content-length": "0"], .length(0)),
            (.length(5), ["content-length": "005"], ["content-length": "005"], .length(5)),
            (
                .length(5), ["TE": "x", "transfer-encoding": "Chunked"], ["TE": "x", "transfer-encoding": "Chunked"],
                .chunked
            ),
            (
                .stream, ["Transfer-Encoding": "chunked", "Trailer": "X"],
                ["Transfer-Encoding": "chunked", "Trailer": "X"], .chunked
            ),
            // Changed in place, keeping its case.
            (
                .length(7), ["A": "b", "CONTENT-length": "5", "C": "d"], ["A": "b", "CONTENT-length": "7", "C": "d"],
                .length(7)
            ),
            (.length(0), ["Content-Length": "5"], ["Content-Length": "0"], .length(0)),
            (.length(5), ["A": "b"], ["A": "b", "Content-Length": "5"], .length(5)),
            (
                .stream, ["A": "b", "content-length": "5", "C": "d"],
                ["A": "b", "Transfer-Encoding": "chunked", "C": "d"], .chunked
            ),
            (.stream, [:], ["Transfer-Encoding": "chunked"], .chunked),
            // Contradictions that an addon may have made.
            (
                .length(5), ["Transfer-Encoding": "chunked", "A": "b", "content-length": "5"],
                ["A": "b", "content-length": "5"], .length(5)
            ),
            (
                .stream, ["Content-Length": "5", "Transfer-encoding": "gzip"], ["Transfer-encoding": "chunked"],
                .chunked
            ),
            (.length(5), ["Content-Length": "x", "Trailer": "X"], ["Content-Length": "5"], .length(5)),
        ] as [(OutgoingBody, HeaderFields, HeaderFields, BodyFraming)]
    )
    func requests(_ body: OutgoingBody, before: HeaderFields, after: HeaderFields, framing: BodyFraming) {
        var head = RequestHead(method: "POST", target: [], version: .http11, fields: before)
        #expect(MessageRules.setFraming(of: body, in: &head) == framing)
        #expect(head.fields == after)
        #expect((try? BodyFraming.ofRequest(head)) == framing)
    }

    @Test func interimResponsesAreForOneConnection() {
        let head = ResponseHead(
            status: 103,
            reason: [],
            version: .http10,
            fields: [
                "Link": "</a>", "Connection": "X, close", "X": "y", "Keep-Alive": "z", "Content-Length": "5",
                "Transfer-Encoding": "chunked", "Trailer": "T", "Proxy-Authenticate": "Basic",
            ]
        )
        #expect(MessageRules.interimFields(of: head) == ["Link": "</a>"])
    }

    @Test func streamMakesARequestHTTP11() {
        var head = RequestHead(method: "POST", target: [], version: .http10, fields: ["Content-Length": "5"])
        #expect(MessageRules.setFraming(of: .stream, in: &head) == .chunked)
        #expect(head.version == .http11)
    }

    @Test func requestOfHTTP10IsNeverChunked() {
        var head = RequestHead(method: "POST", target: [], version: .http10, fields: ["Transfer-Encoding": "chunked"])
        #expect(MessageRules.setFraming(of: .length(3), in: &head) == .length(3))
        #expect(head.fields == ["Content-Length": "3"])
    }

    // MARK: Responses

    @Test(
        arguments: [
            (200, "GET", .http11, .length(5), ["Content-Length": "5"], ["Content-Length": "5"], .length(5)),
            (200, "GET", .http11, .length(0), ["A": "b"], ["A": "b", "Content-Length": "0"], .length(0)),
            (
                200, "GET", .http11, .length(5), ["transfer-encoding": "chunked"], ["transfer-encoding": "chunked"],
                .chunked
            ),
            (200, "GET", .http10, .length(5), ["transfer-encoding": "chunked"], ["Content-Length": "5"], .length(5)),
            (200, "GET", .http11, .stream, ["A": "b"], ["A": "b", "Transfer-Encoding": "chunked"], .chunked),
            (200, "GET", .http10, .stream, ["Transfer-Encoding": "chunked", "Trailer": "X"], [:], .untilClose),
            (200, "GET", .http10, .stream, ["Content-Length": "5"], [:], .untilClose),
            // No body.
            (200, "HEAD", .http11, .length(0), ["Content-Length": "5"], ["Content-Length": "5"], .none),
            (
                200, "HEAD", .http11, .length(0), ["Transfer-Encoding": "chunked"], ["Transfer-Encoding": "chunked"],
                .none
            ),
            (
                200, "HEAD", .http11, .length(0), ["Content-Length": "5", "Transfer-Encoding": "chunked"],
                ["Content-Length": "5"], .none
            ),
            (304, "GET", .http11, .length(0), ["A": "b", "Transfer-Encoding": "gzip"], ["A": "b"], .none),
            (304, "GET", .http11, .length(0), ["Content-Length": "5, 6", "A": "b"], ["A": "b"], .none),
            (200, "HEAD", .http10, .length(0), ["Transfer-Encoding": "chunked"], [:], .none),
            (304, "GET", .http11, .length(0), ["Content-Length": "5"], ["Content-Length": "5"], .none),
            (204, "GET", .http11, .length(5), ["Content-Length": "5", "A": "b"], ["A": "b"], .none),
            (204, "HEAD", .http11, .length(0), ["Content-Length": "0"], [:], .none),
            (103, "GET", .http11, .stream, ["Link": "x", "Transfer-Encoding": "chunked"], ["Link": "x"], .none),
            (200, "CONNECT", .http11, .length(0), ["Content-Length": "0"], [:], .none),
            (403, "CONNECT", .http11, .length(2), [:], ["Content-Length": "2"], .length(2)),
        ] as [(Int, String, HTTPVersion, OutgoingBody, HeaderFields, HeaderFields, BodyFraming)]
    )
    func responses(_ row: (Int, String, HTTPVersion, OutgoingBody, HeaderFields, HeaderFields, BodyFraming)) throws {
        let (status, method, peer, body, before, after, framing) = row
        var head = ResponseHead(status: status, reason: [], version: .http11, fields: before)
        #expect(MessageRules.setFraming(of: body, in: &head, toMethod: method, peer: peer) == framing)
        #expect(head.fields == after)
        #expect(try BodyFraming.ofResponse(head, toMethod: method) == framing)
    }
}
