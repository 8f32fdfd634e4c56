import AddonProtocol
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Expressions × flows. The facts are from mitmproxy's own tests of the same flows, restated.
struct FlowFilterTests {
    @Test func `what the rest of a flow may change is not known while its request is on its way`() throws {
        let flow = request()
        let facts: [(String, Bool?)] = [
            ("~all", true), ("~http", true), ("~tcp", false), ("~m .", true), ("~m NONE", false),
            ("~hq nothing", false),
            ("~c 200", nil), ("!~c 200", nil), ("~q", nil), ("~e", nil), ("~marked", nil), ("~b x", nil), ("~h x", nil),
            ("~m NONE & ~c 200", false), ("~m . | ~c 200", true), ("~m . & ~c 200", nil), ("!~m .", false),
        ]
        for (text, expected) in facts {
            #expect(try FlowFilter(parsing: text).willMatch(HTTPFlowView(flow: flow)) == expected, "\(text)")
        }
    }

    private func matches(_ text: String, _ flow: HTTPFlow) throws -> Bool? {
        try FlowFilter(parsing: text).matches(HTTPFlowView(flow: flow))
    }

    /// A request `GET http://address:22/path`, from 127.0.0.1:22.
    private func request(_ change: (HTTPFlow) -> Void = { _ in }) -> HTTPFlow {
        let client = ConnectionInfo(id: "c", side: .client(mode: "regular"), number: 1)
        client.peername = .init(host: "127.0.0.1", port: 22)
        let flow = HTTPFlow(
            id: "f",
            clientConnection: client,
            request: HTTPRequest(
                method: "GET",
                scheme: "http",
                host: "address",
                port: 22,
                path: Array("/path".utf8),
                authority: [],
                version: .http11,
                headers: ["header": "qvalue", "content-length": "7"],
                body: .whole(ByteBuffer(string: "content")),
                timestampStart: 1
            )
        )
        change(flow)
        return flow
    }

    private func response(_ change: (HTTPFlow) -> Void = { _ in }) -> HTTPFlow {
        request { flow in
            flow.response = HTTPResponse(addon: "x")
            flow.response?.headers = ["header-response": "svalue", "content-length": "7"]
            flow.response?.body = .whole(ByteBuffer(string: "message"))
            change(flow)
        }
    }

    @Test(arguments: [
        ("~http", true), ("~tcp", false), ("~udp", false), ("~dns", false), ("~websocket", false), ("~all", true),
        ("~q", true), ("~s", false), ("~e", false), ("~marked", false), ("~replay", false), ("~a", false),
        ("~t content", false), ("~h nonexistent", false), ("~h qvalue", true), ("~h header", true),
        ("~h 'header: qvalue'", true), ("~h HEADER", true), ("~hq 'header: qvalue'", true), ("~hs qvalue", false),
        ("~h '^content-length'", true), ("~h '^length'", false), ("~hq ^header:", true),
        ("~b nonexistent", false), ("~b content", true), ("~b CONTENT", true), ("~bq content", true),
        ("~bq message", false), ("~bs content", false), ("~m get", true), ("~m GET", true), ("~m post", false),
        ("~m ^ge$", false), ("~d address", true), ("~d ADDRESS", true), ("~d none", false), ("~u address", true),
        ("~u ADDRESS", true), ("~u address:22/path", true), ("~u moo/path", false), ("path", true), ("^path", false),
        ("~c 200", false), ("~src 127.0.0.1", true), ("~src foobar", false), ("~src :22", true), ("~src :99", false),
        ("~src 127.0.0.1:22", true), ("~dst address:22", true), ("~dst foobar", false),
    ])
    func `a request`(text: String, expected: Bool) throws {
        #expect(try matches(text, request()) == expected)
    }

    @Test(arguments: [
        ("~q", false), ("~s", true), ("~a", false), ("~t content", false), ("~hs 'header-response: svalue'", true),
        ("~hq 'header-response: svalue'", false), ("~hs 'header: qvalue'", false), ("~h svalue", true),
        ("~b message", true), ("~bs message", true), ("~bs nomatch", false), ("~bq message", false), ("~c 200", true),
        ("~c 201", false), ("~c 200 & ~h head", true), ("~c 200 & ~h nohead", false),
        ("(~c 200 & ~h head) & ~b content", true), ("(~c 200 & ~h head) & ~b nonexistent", false),
        ("(~c 200 & ~h nohead) & ~b content", false), ("~c 200 | ~h nohead", true), ("~c 201 | ~h head", true),
        ("~c 201 | ~h nohead", false), ("(~c 201 | ~h nohead) | ~s", true), ("! ~c 200", false), ("! ~c 201", true),
        ("!~c 201 !~c 202", true), ("!~c 201 !~c 200", false),
    ])
    func `a response`(text: String, expected: Bool) throws {
        #expect(try matches(text, response()) == expected)
    }

    @Test func `marks, comments, metadata, errors and replays`() throws {
        let flow = request { flow in
            flow.notes.marked = ":default:"
            flow.notes.comment = "two\nlines"
            flow.notes.set(.init("a", 1))
            flow.notes.set(.init("b", "string"))
            flow.notes.set(.init("c", ["key": "value"]))
            flow.failure = .init(error: FlowError(.killed, "gone"), timestamp: 1)
            flow.replay = .request
        }
        let facts = [
            ("~marked", true), ("~marker X", false), ("~marker :default:", true), ("~comment ^lines$", true),
            ("~comment three", false), ("~meta ^a", true), ("~meta no", false), ("~meta 'b: string'", true),
            ("~meta value", true), ("~meta '\"key\"'", true), ("~e", true), ("~replay", true), ("~replayq", true),
            ("~replays", false),
        ]
        for (text, expected) in facts { #expect(try matches(text, flow) == expected, "\(text)") }
    }

    @Test(arguments: ["text/javascript", "text/css; charset=utf-8", "image/png", "font/woff2", "Application/Font-woff"])
    func `assets`(type: String) throws {
        #expect(try matches("~a", response { $0.response?.headers = ["Content-Type": type] }) == true)
        #expect(try matches("~a", request { $0.request.headers = ["Content-Type": type] }) == false)
    }

    @Test func `content types of either side`() throws {
        let asked = response { $0.request.headers = ["CONTENT-TYPE": "text/json"] }
        let answered = response { $0.response?.headers = ["Content-Type": "text/json"] }
        #expect(try matches("~t json & ~tq json & !~ts json", asked) == true)
        #expect(try matches("~t ^text & ~ts json & !~tq json", answered) == true)
    }

    @Test func `the Host field is a domain too, and an address before a connection is the request's`() throws {
        let flow = request { $0.request.headers = ["Host": "shop.example:8080"] }
        #expect(try matches("~d ^shop.example$", flow) == true)
        #expect(try matches("~d address", flow) == true)
        #expect(try matches("~d 8080", flow) == false)
        let info = ConnectionInfo(id: "s", side: .server, number: 1)
        info.address = .init(host: "10.1.2.3", port: 443)
        flow.serverConnection = info
        #expect(try matches("~dst 10.1.2.3:443", flow) == true)
        #expect(try matches("~dst address", flow) == false)
    }

    @Test(arguments: ["яч", "测试", "ॐ", "لله", "θεός", "神", "하나님", "Äÿ"])
    func `text in any script`(text: String) throws {
        #expect(
            try matches("~bs \(text)", response { $0.response?.body = .whole(ByteBuffer(string: "x\(text)y")) }) == true
        )
        #expect(try matches("~bs \(text)", response()) == false)
    }

    @Test func `case is folded beyond ASCII`() throws {
        #expect(try matches("~b ЯЧ", response { $0.response?.body = .whole(ByteBuffer(string: "яч")) }) == true)
    }

    @Test func `a dot matches line ends in bodies, and bytes that are no text are found`() throws {
        let bytes: [UInt8] = [0xff, 0xfe, 0x0a] + Array("needle ä".utf8) + [0xc3]
        let flow = response { $0.response?.body = .whole(ByteBuffer(bytes: bytes)) }
        #expect(try matches("~b ^..needle", flow) == false)
        #expect(try matches("~b ^...needle", flow) == true)
        #expect(try matches("~b NEEDLE", flow) == true)
        #expect(try matches("~b ä", flow) == true)
        #expect(try matches(#"~b '\\xff\\xfe'"#, flow) == true)
        #expect(try matches("~b haystack", flow) == false)
    }

    @Test func `a body that is not here is none, unless it is still to come`() throws {
        let flow = request { $0.request.body = Body() }
        let filter = try FlowFilter(parsing: "~b secret & ~d address")
        #expect(filter.matches(HTTPFlowView(flow: flow)) == false)
        #expect(filter.matches(HTTPFlowView(flow: flow, awaiting: .request)) == nil)
        let elsewhere = try FlowFilter(parsing: "~b secret & ~d elsewhere")
        #expect(elsewhere.matches(HTTPFlowView(flow: flow, awaiting: .request)) == false)
        let either = try FlowFilter(parsing: "~b secret | ~d address")
        #expect(either.matches(HTTPFlowView(flow: flow, awaiting: .request)) == true)
    }

    @Test func `a body over the limit is not searched, and it cannot be told`() throws {
        let large = ByteBuffer(repeating: UInt8(ascii: "a"), count: Limits.filteredBodyBytes + 1)
        let flow = request { $0.request.body = .whole(large) }
        #expect(try matches("~b a", flow) == nil)
        #expect(try matches("~b a | ~m get", flow) == true)
    }

    @Test func `a replayed response`() throws {
        let flow = response { $0.replay = .response }
        #expect(try matches("~replay & ~replays & !~replayq", flow) == true)
    }

    @Test(arguments: FlowKind.allCases)
    func `the type of a flow`(kind: FlowKind) throws {
        for other in FlowKind.allCases {
            let holds = other == kind || (other == .http && kind == .websocket)
            #expect(try FlowFilter(parsing: "~\(other)").matches(BareFlow(kind: kind)) == holds, "~\(other)")
        }
    }

    @Test(arguments: FilterField.allCases)
    func `an expression finds nothing where there is no such text`(field: FilterField) throws {
        #expect(try FlowFilter(parsing: "~\(field.rawValue) .").matches(BareFlow(kind: .udp)) == false)
    }

    @Test func `an expression that backtracks without end is given up undecided`() throws {
        let flow = request { $0.request.body = .whole(ByteBuffer(string: String(repeating: "a", count: 40) + "!")) }
        #expect(try matches("~b '(?=a)(a|aa|a?)+$'", flow) == nil)
        #expect(try matches("~b '(a|aa|a?)+$'", flow) == true, "RE2 takes it")
        #expect(try matches("~b '(a*)*b'", flow) == false)
    }

    @Test(arguments: ["~h [", "~b (", "~d '(?<'"])
    func `what is no regular expression is refused with its place`(text: String) {
        let error = #expect(throws: ProtocolError.self) { try FlowFilter(parsing: text) }
        #expect(error?.code == ProtocolError.invalidParams)
        #expect(error?.message.contains("at byte 3") == true, "\(error?.message ?? "")")
    }
}

/// A flow of which only the type is known.
private struct BareFlow: FilterableFlow {
    let kind: FlowKind
    var method: [UInt8]? { nil }
    var url: [UInt8]? { nil }
    var hosts: [[UInt8]] { [] }
    var hasResponse: Bool? { nil }
    var status: Int? { nil }
    var source: String? { nil }
    var destination: String? { nil }
    var hasError: Bool { false }
    var marked: String { "" }
    var comment: String { "" }
    var metadata: String { "" }
    var replay: String? { nil }

    func headerLines(of side: FilterSide) -> [UInt8]? { nil }
    func contentTypes(of side: FilterSide) -> [[UInt8]] { [] }
    func bodies(of side: FilterSide) -> FilterBodies { .known([]) }
}
