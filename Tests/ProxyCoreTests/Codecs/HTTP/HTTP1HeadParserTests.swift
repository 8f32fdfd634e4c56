import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HTTP1HeadParserTests {
    @Test func keepsEveryByte() throws {
        let head = try request(
            "GET /\u{ff}?a=%zz HTTP/1.1\r\nhOsT: a\r\nA: 1\r\na:  2\t 3 \r\nX-Bytes: \u{ff}\u{fe}\r\nE:\r\n\r\n"
        )
        #expect(head.method == "GET")
        #expect(head.target == bytes("/\u{ff}?a=%zz"))
        #expect(head.version == .http11)
        let fields = (0..<head.fields.count).map { [text(head.fields.name(at: $0)), text(head.fields.value(at: $0))] }
        #expect(fields == [["hOsT", "a"], ["A", "1"], ["a", "2\t 3"], ["X-Bytes", "\u{ff}\u{fe}"], ["E", ""]])
    }

    @Test func keepsTheReason() throws {
        var buffer = ByteBuffer(bytes: bytes("HTTP/1.0 404 Nicht \u{ff}\tda \r\n\r\n"))
        var parser = HTTP1HeadParser(limits: HeadLimits())
        let head = try #require(try parser.response(from: &buffer))
        #expect(head == ResponseHead(status: 404, reason: bytes("Nicht \u{ff}\tda "), version: .http10, fields: [:]))
    }

    /// Each row: the lines of a response, and the fields that are forwarded.
    @Test(
        arguments: [
            ("A : b\r\nC\t \t:d", ["A": "b", "C": "d"]),
            ("A: b\r\n c\r\n\t d \r\nE: f", ["A": "b c d", "E": "f"]),
            ("A:\r\n b\r\nC: d\r\n \r\n e", ["A": "b", "C": "d e"]),
            ("HTTP/1.1 200 OK\r\n folded\r\nA: b", ["A": "b"]),
            ("A: b\r\nno field\r\n folded\r\n: c\r\nD E: f\r\n\u{e9}: g\r\nH: i", ["A": "b", "H": "i"]),
            ("Content-Length : 5\r\nContent-Length: 5", ["Content-Length": "5"]),
        ] as [(String, HeaderFields)]
    )
    func repairsTheFieldsOfAResponse(_ lines: String, fields: HeaderFields) throws {
        for size in [1, 7, Int.max] {
            let transcript = Transcript.of(
                bytes("HTTP/1.1 304 x\r\n\(lines)\r\n\r\n"),
                from: .server(method: "GET"),
                pieces: [size]
            )
            #expect(transcript.messages.map(\.fields) == [fields])
        }
    }

    @Test func tellsWhatLineItLeftOut() throws {
        var buffer = ByteBuffer(string: "HTTP/1.1 200 OK\r\nno field\r\n\r\n")
        var parser = HTTP1HeadParser(limits: HeadLimits())
        #expect(try parser.response(from: &buffer)?.fields == [:])
        #expect(parser.takeIgnoredLine() == "\"no field\"")
        #expect(parser.takeIgnoredLine() == nil)
    }

    @Test(arguments: ["HTTP/1.1", "http/1.1", "Http/1.7"])
    func readsAHigherMinorVersionAs11(_ version: String) throws {
        var buffer = ByteBuffer(string: "\r\n\(version)  204\r\n\r\n")
        var parser = HTTP1HeadParser(limits: HeadLimits())
        let head = try parser.response(from: &buffer)
        #expect(head == ResponseHead(status: 204, reason: [], version: .http11, fields: [:]))
    }

    @Test func leavesWhatFollowsTheHead() throws {
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody")
        var parser = HTTP1HeadParser(limits: HeadLimits())
        #expect(try parser.request(from: &buffer) != nil)
        #expect(buffer == ByteBuffer(string: "body"))
    }

    @Test func makesEqualLengthsOne() throws {
        let head = try request(
            "POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: 5, 5\r\nX: y\r\nContent-Length: 5\r\n\r\n"
        )
        #expect(head.fields == ["Host": "a", "content-LENGTH": "5", "X": "y"])
    }

    @Test func failsForGood() {
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        var parser = HTTP1HeadParser(limits: HeadLimits())
        let first = #expect(throws: HTTP1Error.self) { try parser.request(from: &buffer) }
        buffer = ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let second = #expect(throws: HTTP1Error.self) { try parser.request(from: &buffer) }
        #expect(first == second)
    }

    @Test func tellsWhatItUnderstoodBeforeTheError() {
        var buffer = ByteBuffer(string: "PUT /x HTTP/1.1\r\nHost: a\r\nX: y\r\nbad line\r\n\r\n")
        var parser = HTTP1HeadParser(limits: HeadLimits())
        #expect(throws: HTTP1Error.self) { try parser.request(from: &buffer) }
        let understood = RequestHead(
            method: "PUT",
            target: bytes("/x"),
            version: .http11,
            fields: ["Host": "a", "X": "y"]
        )
        #expect(parser.understoodRequest == understood)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400, "no Host field; a request of HTTP/1.1 must have one"),
        ("GET / HTTP/3.0\r\n\r\n", 505, "the version \"HTTP/3.0\" is not spoken here; HTTP/1.1 and HTTP/1.0 are"),
        (
            "GET / HTTP/1.1\r\nX: a\u{1}\r\n\r\n", 400,
            "the control byte 0x01 in the value of \"X\"; of the controls only a tab is allowed"
        ),
        (
            "GET / HTTP/1.1\r\nX\u{e9}: a\r\n\r\n", 400,
            "the byte 0xe9 in the field name of \"X\\xe9: a\"; letters, digits and !#$%&'*+-.^_`|~ are allowed"
        ),
        (
            "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\nHost: a\r\n\r\n", 400,
            "Content-Length says both 5 and 6; a message has one length"
        ),
        ("GET /" + Sample.repeated("a", 65536), 431, "the first line is longer than 65536 bytes, the limit"),
        (
            "GET / HTTP/1.1\r\nX: " + Sample.repeated("a", 65536), 431,
            "the head is larger than 65536 bytes, the limit"
        ),
        ("GET / HTTP/1.1\r\n" + Sample.repeated("X: y\r\n", 201), 431, "more than 200 fields, the limit"),
    ])
    func saysWhatIsWrong(_ input: String, status: Int, message: String) {
        let error = #expect(throws: HTTP1Error.self) { try request(input) }
        #expect(error?.status == status)
        #expect(error?.message == message)
    }

    @Test func unknownCodingIsNotImplemented() throws {
        let head = try request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n")
        let error = #expect(throws: HTTP1Error.self) { try BodyFraming.ofRequest(head) }
        #expect(error?.status == 501)
        #expect(error?.message == "Transfer-Encoding names \"x\"; only \"chunked\" is supported")
    }

    private func request(_ text: String) throws -> RequestHead {
        var buffer = ByteBuffer(bytes: bytes(text))
        var parser = HTTP1HeadParser(limits: HeadLimits())
        return try #require(try parser.request(from: &buffer))
    }
}
