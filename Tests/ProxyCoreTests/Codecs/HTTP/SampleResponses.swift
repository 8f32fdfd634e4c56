@testable import ProxyCodecs
@testable import ProxyCore

extension Sample {
    static let goodResponses: [Sample] = [
        .response("200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .body("hello")),
        .response("200 of HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", .body("hello")),
        .response("until close", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", .body("hello")),
        .response("empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
        .response("no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        .response("bytes in the reason", "HTTP/1.1 404 Nicht gefunden: \u{fc}\tx \r\nContent-Length: 0\r\n\r\n"),
        .response("unknown status", "HTTP/1.1 599 Odd\r\nContent-Length: 1\r\n\r\nx", .body("x")),
        .response("status over 599", "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx", .body("x")),
        .response(
            "chunked response",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
            .body("hello")
        ),
        .response("HEAD with length", to: "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        .response("HEAD with chunked", to: "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        .response("204", "HTTP/1.1 204 No Content\r\n\r\n"),
        .response("204 with length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        .response("304 with length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        .response(
            "interim responses first",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            .body("hi")
        ),
        .response("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes"),
        .response("CONNECT accepted", to: "CONNECT", "HTTP/1.1 200 Connected\r\n\r\nbytes"),
        .response("CONNECT refused", to: "CONNECT", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", .body("no")),
        .response(
            "the same length twice in a response",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
            .body("hello")
        ),
        .response("HTTP/1.2 in a response", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nhi", .body("hi")),
        .response("http in lower case", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .body("hi")),
        .response("two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nhi", .body("hi")),
        .response(
            "empty line before a status line",
            "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            .body("hi")
        ),
        .response(
            "space before a response's colon",
            "HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\n\r\nhi",
            .body("hi")
        ),
        .response(
            "folded response field",
            "HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\nContent-Length: 2\r\n\r\nhi",
            .body("hi")
        ),
        .response(
            "lines that are no fields",
            "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n more\r\n: x\r\nX Y: z\r\nContent-Length: 2\r\n\r\nhi",
            .body("hi")
        ),
        .response(
            "odd trailers of a response",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX : y\r\n z\r\nwhat\r\n\r\n",
            .body("hi")
        ),
        .response("empty until close", "HTTP/1.1 200 OK\r\n\r\n"),
        .response("length cut short", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", .incomplete),
        .response("chunk cut short", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", .incomplete),
        .response(
            "last chunk missing",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
            .incomplete
        ),
    ]

    static let badResponses: [Sample] = [
        .response("no HTTP", "hello\r\n", .refused(.badStatusLine)),
        .response(
            "many empty lines before a status line",
            Sample.repeated("\r\n", 17) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            .refused(.emptyLines)
        ),
        .response("Shoutcast", "ICY 200 OK\r\n\r\n", .refused(.badStatusLine)),
        .response("short status", "HTTP/1.1 20 OK\r\n\r\n", .refused(.badStatusLine)),
        .response("long status", "HTTP/1.1 2000 OK\r\n\r\n", .refused(.badStatusLine)),
        .response("status under 100", "HTTP/1.1 099 No\r\n\r\n", .refused(.badStatusLine)),
        .response("status with sign", "HTTP/1.1 +20 No\r\n\r\n", .refused(.badStatusLine)),
        .response("no number as status", "HTTP/1.1 2xx OK\r\n\r\n", .refused(.badStatusLine)),
        .response("tab before the status", "HTTP/1.1\t200 OK\r\n\r\n", .refused(.badStatusLine)),
        .response("no space before the status", "HTTP/1.1200 OK\r\n\r\n", .refused(.badStatusLine)),
        .response("HTTP/2 status line", "HTTP/2.0 200 OK\r\n\r\n", .refused(.unsupportedVersion)),
        .response("no version in a status line", "HTTP/x.1 200 OK\r\n\r\n", .refused(.badVersion)),
        .response("NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", .refused(.badStatusLine)),
        .response("bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", .refused(.badStatusLine)),
        .response("response lines end with LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", .refused(.bareLineFeed)),
        .response("folded status line", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", .refused(.foldedField)),
        .response(
            "folded length in a response",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello",
            .refused(.foldedField)
        ),
        .response(
            "folded coding in a response",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n , gzip\r\n\r\n0\r\n\r\n",
            .refused(.foldedField)
        ),
        .response("NUL in a folded value", "HTTP/1.1 200 OK\r\nX: a\r\n b\0\r\n\r\n", .refused(.badFieldValue)),
        .response("NUL in a line that is no field", "HTTP/1.1 200 OK\r\nX\0y\r\n\r\n", .refused(.badFieldName)),
        .response(
            "length in a line that is no field",
            "HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello",
            .refused(.badFieldName)
        ),
        .response(
            "coding in a line that is no field",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding\u{a0}: chunked\r\n\r\n0\r\n\r\n",
            .refused(.badFieldName)
        ),
        .response(
            "length before a space and coding",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "length among a response's trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length : 5\r\n\r\n",
            .refused(.badTrailer)
        ),
        .response(
            "length and coding though HEAD",
            to: "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "length and coding in a 304",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "length and coding in a 204",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "unknown coding though HEAD",
            to: "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n",
            .refused(.unsupportedTransferCoding)
        ),
        .response(
            "coding of HTTP/1.0 though HEAD",
            to: "HEAD",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "response with length and chunks",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "response with two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            .refused(.badContentLength)
        ),
        .response(
            "response with bad length",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            .refused(.badContentLength)
        ),
        .response(
            "gzip as transfer coding",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            .refused(.unsupportedTransferCoding)
        ),
        .response(
            "response coded until close",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
            .refused(.badTransferCoding)
        ),
        .response(
            "chunks in a response of HTTP/1.0",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            .refused(.contradictoryFraming)
        ),
        .response(
            "two lengths though HEAD",
            to: "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
            .refused(.badContentLength)
        ),
    ]
}
