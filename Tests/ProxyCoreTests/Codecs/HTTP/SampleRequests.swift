@testable import ProxyCodecs
@testable import ProxyCore

extension Sample {
    static let goodRequests: [Sample] = [
        .request("plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request("absolute form", "GET http://a:81/x?y=z HTTP/1.1\r\nHost: a:81\r\n\r\n"),
        .request("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
        .request("HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        .request("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        .request("empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\u{16}\u{3}\u{1}"),
        .request("CONNECT to IPv6", "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"),
        .request("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request("any token as method", "!#$%&'*+-.^_`|~09AZaz / HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request("WebDAV method", "PROPFIND /d/ HTTP/1.1\r\nHost: a\r\nDepth: 1\r\n\r\n"),
        .request("bytes over 0x7f in the target", "GET /\u{e9}\u{ff} HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request("characters in the target that no URL has", "GET /a|b\"<>\\^`{} HTTP/1.1\r\nHost: a\r\n\r\n"),
        .request(
            "case, duplicates, bytes",
            "GET / HTTP/1.1\r\nhOsT: a\r\nA: 1\r\na: 2\r\nX-Bytes: \u{ff}\u{fe}\r\n"
                + "Content-Disposition: attachment; filename=\"\u{e9}.txt\"\r\n\r\n"
        ),
        .request("no space after colon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n"),
        .request("much space around value", "GET / HTTP/1.1\r\nHost: \t a \t\r\nX:  a  b\t c  \r\n\r\n"),
        .request("empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \r\n\r\n"),
        .request("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        .request("any token as field name", "GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09: x\r\n\r\n"),
        .request("length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", .body("hello")),
        .request("length 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        .request(
            "length with zeros before",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
            .body("hello")
        ),
        .request("GET with body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", .body("hi")),
        .request(
            "the same length twice in a list",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
            .body("hello")
        ),
        .request(
            "the same length on two lines",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            .body("hello")
        ),
        .request(
            "chunks",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            .body("hello world")
        ),
        .request(
            "Chunked in any case",
            "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n00\r\n\r\n",
            .body("0123456789")
        ),
        .request(
            "chunk extensions",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5;a=b;c=\"d e\"\r\nhello\r\n0 ; last\r\n\r\n",
            .body("hello")
        ),
        .request(
            "padded chunk size",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0\t\r\n\r\n",
            .body("hello")
        ),
        .request(
            "trailers",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: \u{ff}\r\n\r\n",
            .body("hello")
        ),
        .request(
            "pipelined",
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1GET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
            .body("1")
        ),
        .request(
            "expectation",
            "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
            .body("x")
        ),
        .request("as many fields as allowed", "GET / HTTP/1.1\r\nHost: a\r\n" + repeated("X: y\r\n", 199) + "\r\n"),
        .request("a head as large as allowed", padded(to: 65536)),
        .request("request line without end", "GET / HTTP/1.1", .incomplete),
        .request("head without end", "GET / HTTP/1.1\r\nHost: a\r\n", .incomplete),
        .request("body without end", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel", .incomplete),
        .request(
            "chunked body without end",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            .incomplete
        ),
    ]

    static let badRequests: [Sample] = [
        .request("TLS record", "\u{16}\u{3}\u{1}\u{2}\u{0}", .refused(.badMethod)),
        .request(
            "empty lines without end",
            repeated("\r\n", 9) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            .refused(.emptyLines)
        ),
        .request("space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod)),
        .request("no token as method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod)),
        .request("tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badMethod)),
        .request("two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("method alone", "GET\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        .request("tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("DEL in the target", "GET /a\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("bare CR in the target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("target that is no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("* for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("unknown scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badHost)),
        .request("fragment in the authority", "GET http://a#@b/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badHost)),
        .request("CONNECT without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badTarget)),
        .request("CONNECT with URL", "CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badHost)),
        .request("CONNECT to port 65536", "CONNECT a:65536 HTTP/1.1\r\nHost: a\r\n\r\n", .refused(.badHost)),
        .request("HTTP/0.9", "GET /\r\n\r\n", .refused(.badVersion)),
        .request("version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        .request("version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        .request("no number as version", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", .refused(.badVersion)),
        .request("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .refused(.badVersion)),
        .request("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .refused(.unsupportedVersion)),
        .request("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .refused(.unsupportedVersion)),
        .request("no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n", .refused(.badHost)),
        .request("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .refused(.badHost)),
        .request("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .refused(.badHost)),
        .request("list as Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .refused(.badHost)),
        .request("path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .refused(.badHost)),
        .request("no number as port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .refused(.badHost)),
        .request("open bracket in Host", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .refused(.badHost)),
        .request("lines end with LF", "GET / HTTP/1.1\nHost: a\n\n", .refused(.bareLineFeed)),
        .request("one line ends with LF", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", .refused(.bareLineFeed)),
        .request("head ends with LF", "GET / HTTP/1.1\r\nHost: a\r\n\n", .refused(.bareLineFeed)),
        .request("folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", .refused(.foldedField)),
        .request("folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .refused(.foldedField)),
        .request("space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", .refused(.badFieldName)),
        .request("no field name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", .refused(.badFieldName)),
        .request("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .refused(.badFieldName)),
        .request("no token as field name", "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", .refused(.badFieldName)),
        .request(
            "byte over 0x7f in a field name",
            "GET / HTTP/1.1\r\nHost: a\r\n\u{e9}: z\r\n\r\n",
            .refused(.badFieldName)
        ),
        .request("NUL in a field name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: z\r\n\r\n", .refused(.badFieldName)),
        .request("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .refused(.badFieldValue)),
        .request("bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .refused(.badFieldValue)),
        .request("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", .refused(.badFieldValue)),
        .request("escape in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1b}[1m\r\n\r\n", .refused(.badFieldValue)),
        .request("DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7f}\r\n\r\n", .refused(.badFieldValue)),
        .request(
            "too many fields",
            "GET / HTTP/1.1\r\nHost: a\r\n" + repeated("X: y\r\n", 200) + "\r\n",
            .refused(.tooManyFields)
        ),
        .request("too large a head", padded(to: 65537), .refused(.headTooLarge)),
        .request(
            "too long a request line",
            "GET /" + repeated("a", 65536) + " HTTP/1.1\r\n",
            .refused(.requestLineTooLong)
        ),
        .request("too long a method", repeated("a", 70000), .refused(.requestLineTooLong)),
        .request("length in hexadecimal", lengthed("0x5"), .refused(.badContentLength)),
        .request("length with sign", lengthed("+5"), .refused(.badContentLength)),
        .request("negative length", lengthed("-5"), .refused(.badContentLength)),
        .request("empty length", lengthed(""), .refused(.badContentLength)),
        .request("length with space inside", lengthed("5 5"), .refused(.badContentLength)),
        .request("length over 63 bits", lengthed("9223372036854775808"), .refused(.badContentLength)),
        .request("length over 64 bits", lengthed("18446744073709551621"), .refused(.badContentLength)),
        .request("length list with an empty element", lengthed("5,"), .refused(.badContentLength)),
        .request("chunk size over 63 bits", chunked("8000000000000000\r\nx"), .refused(.badChunk)),
        .request("chunk size over 64 bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), .refused(.badChunk)),
        .request("no chunk size", chunked("\r\nhello"), .refused(.badChunk)),
        .request("extension without chunk size", chunked(";a\r\nhello"), .refused(.badChunk)),
        .request("no number as chunk size", chunked("g\r\nhello"), .refused(.badChunk)),
        .request("chunk size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), .refused(.badChunk)),
        .request("chunk size with sign", chunked("+5\r\nhello\r\n0\r\n\r\n"), .refused(.badChunk)),
        .request("space before the chunk size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), .refused(.badChunk)),
        .request("NUL in a chunk extension", chunked("5;a\0\r\nhello\r\n0\r\n\r\n"), .refused(.badChunk)),
        .request("too long a chunk line", chunked("5;" + repeated("a", 4096)), .refused(.badChunk)),
        .request("no line end after a chunk", chunked("5\r\nhello0\r\n\r\n"), .refused(.badChunk)),
        .request("too many trailers", chunked("0\r\n" + repeated("X: y\r\n", 201) + "\r\n"), .refused(.tooManyFields)),
        .request("too large a trailer section", chunked("0\r\nX: " + repeated("a", 70000)), .refused(.headTooLarge)),
        .request("bad trailer", chunked("0\r\nX y\r\n\r\n"), .refused(.badFieldName)),
    ]

    static func repeated(_ text: String, _ count: Int) -> String {
        String(repeating: text, count: count)
    }

    static func lengthed(_ length: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\nhello"
    }

    static func chunked(_ body: String) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    }

    private static func padded(to count: Int) -> String {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        return head + repeated("x", count - head.unicodeScalars.count - 4) + "\r\n\r\n"
    }
}
