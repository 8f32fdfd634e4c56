import AddonProtocol
import Testing

@testable import ProxyTools

struct HAREntryTests {
    @Test(arguments: [
        ("2026-03-04T10:11:12Z", 1_772_619_072.0), ("2026-03-04T10:11:12.345Z", 1_772_619_072.345),
        ("2026-03-04T11:11:12.345+01:00", 1_772_619_072.345),
        ("2026-03-04T10:11:12.345678+00:00", 1_772_619_072.345678),
        ("2026-03-04T10:11:12", 1_772_619_072), ("1970-01-01T00:00:00.5-0100", 3_600.5),
    ]) func `times are read as each program writes them`(_ text: String, _ seconds: Double) throws {
        #expect(abs(try #require(ISO8601Time.seconds(text)) - seconds) < 0.000001)
    }

    @Test(arguments: [
        "", "now", "2026-03-04", "2026-13-04T10:11:12Z", "2026-03-04 10:11:12", "2026-03-04T10:11:12.Z", "1772619072",
    ])
    func `other times are not`(_ text: String) {
        #expect(ISO8601Time.seconds(text) == nil)
    }

    @Test(arguments: [
        ("http://a.example", "a.example", 80, "/"), ("https://a.example/x?y#z", "a.example", 443, "/x?y"),
        ("https://u:p@a.example:8443/%20ä b", "a.example", 8443, "/%20ä b"), ("wss://[::1]:9/", "::1", 9, "/"),
        ("http://[::1]/", "::1", 80, "/"), ("http://a.example?x", "a.example", 80, "/?x"),
    ]) func `addresses are taken as they are written`(
        _ text: String,
        _ host: String,
        _ port: Int,
        _ path: String
    ) throws {
        let url = try #require(EntryURL(text))
        #expect((url.host, url.port, url.path, url.text) == (host, port, path, text))
    }

    @Test(arguments: [
        "", "a.example/", "://a", "http://", "http:///x", "http://:80/", "about:blank", "data:text/plain,x",
    ])
    func `what has no host is no address`(_ text: String) {
        #expect(EntryURL(text) == nil)
    }

    @Test func `a fault says what is missing`() {
        let request: JSONValue = ["method": "GET", "url": "http://a.example/"]
        for (entry, words) in [
            (["request": request], "startedDateTime"), (["request": ["method": "GET"]], "request.url"),
            ([:], "request.method"),
        ] as [(JSONValue, String)] {
            let fault = #expect(throws: HAREntry.Fault.self) { try HAREntry(entry, id: "x") }
            #expect(fault?.reason.hasPrefix(words) == true)
        }
    }

    @Test func `the times of an entry follow one another`() throws {
        let entry: JSONValue = [
            "startedDateTime": "1970-01-01T00:00:10Z", "request": ["method": "GET", "url": "http://a.example/"],
            "response": ["status": 200],
            "timings": [
                "blocked": 1000, "dns": -1, "connect": 2000, "ssl": 500, "send": 100, "wait": 3000, "receive": 400,
            ],
        ]
        let flow = try HAREntry(entry, id: "x").snapshot
        #expect(flow["request"]?["timestamp_end"]?.doubleValue == 10.1)
        #expect(abs((flow["response"]?["timestamp_start"]?.doubleValue ?? 0) - 16.1) < 1e-6)
        #expect(abs((flow["response"]?["timestamp_end"]?.doubleValue ?? 0) - 16.5) < 1e-6)
        #expect(flow["server_conn"]?["timestamp_tcp_setup"]?.doubleValue == 11.5)
        #expect(flow["timings"]?["wait"] == 3_000_000)
    }

    @Test func `text comes in the charset of its type, and fields of one name apart`() throws {
        let entry: JSONValue = [
            "startedDateTime": "1970-01-01T00:00:10Z", "request": ["method": "GET", "url": "http://a.example/"],
            "response": [
                "status": 200, "content": ["size": 1, "text": "ä"],
                "headers": [
                    ["name": "Content-Type", "value": "text/plain; Charset=\"ISO-8859-1\""],
                    ["name": "Set-Cookie", "value": "a=1\nb=2\r\nc=3"],
                ],
            ],
        ]
        let response = try #require(HAREntry(entry, id: "x").snapshot["response"])
        #expect(response["content"]?.bytesValue == [0xe4])
        #expect(
            response["headers"]?.arrayValue?.dropFirst() == [
                ["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"], ["Set-Cookie", "c=3"],
            ]
        )
    }

    @Test func `a request's body that is not in its coding is decoded`() throws {
        for (coding, isDecoded) in [("gzip", true), ("none-known", false), ("identity", false)] {
            let entry: JSONValue = [
                "startedDateTime": "1970-01-01T00:00:10Z",
                "request": [
                    "method": "POST", "url": "http://a.example/", "postData": ["text": "plain"],
                    "headers": [["name": "Content-Encoding", "value": .string(coding)]],
                ],
            ]
            let request = try #require(HAREntry(entry, id: "x").snapshot["request"])
            #expect(request["content_decoded"] == .bool(isDecoded), "\(coding)")
        }
    }

    @Test func `a body that is told of and not there is not whole`() throws {
        for (content, isWhole) in [
            (["size": 5], false), (["size": 0], true), (["size": 3, "text": "abcd"], true), ([:], true),
            (["size": 5, "text": "abc", "_truncated": true], false),
        ] as [(JSONValue, Bool)] {
            let entry: JSONValue = [
                "startedDateTime": "1970-01-01T00:00:10Z", "request": ["method": "GET", "url": "http://a.example/"],
                "response": ["status": 200, "content": content],
            ]
            #expect(try HAREntry(entry, id: "x").snapshot["response"]?["content_complete"] == .bool(isWhole))
        }
    }
}
