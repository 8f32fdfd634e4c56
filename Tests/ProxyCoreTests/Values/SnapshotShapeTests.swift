import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct SnapshotShapeTests {
    private func keys(_ json: JSONValue?) -> [String] { json?.members?.map(\.name) ?? [] }

    private func snapshot(_ subscription: Subscription) throws -> JSONValue {
        let flow = HTTPFlow(
            id: "f",
            clientConnection: ConnectionInfo(id: "c", side: .client(mode: "regular"), number: 1),
            request: HTTPRequest(
                method: "GET",
                scheme: "http",
                host: "h",
                port: 80,
                path: [UInt8(ascii: "/")],
                authority: [],
                version: .http11,
                headers: ["A": "1"],
                body: .whole(.init(string: "0123456789")),
                timestampStart: 1
            )
        )
        var writer = JSONWriter()
        flow.write(try SnapshotShape(subscription), into: &writer)
        return try JSONReader.read(writer.bytes)
    }

    @Test func includeKeepsWhatItNamesAndWhatIdentifies() throws {
        let json = try snapshot(Subscription(event: .request, include: ["request.headers", "rev"]))
        #expect(keys(json) == ["id", "type", "rev", "request"])
        #expect(keys(json["request"]) == ["headers"])
    }

    @Test func aPathStandsForWhatIsBelowItAndExcludeTakesAway() throws {
        let json = try snapshot(
            Subscription(event: .request, include: ["flow.request"], exclude: ["request.content", "request.url"])
        )
        #expect(keys(json) == ["id", "type", "request"])
        #expect(!keys(json["request"]).contains("content") && keys(json["request"]).contains("method"))
    }

    @Test(arguments: [
        (Subscription.Body.full, JSONValue.string("0123456789"), true),
        (.none, .null, false), (.preview(4), "0123", false), (.preview(10), "0123456789", true),
        (.preview(0), "", false),
    ])
    func theBodyIsAsSubscribed(body: Subscription.Body, content: JSONValue, isComplete: Bool) throws {
        let request = try #require(try snapshot(Subscription(event: .request, body: body))["request"])
        #expect(request["content"] == content)
        #expect(request["content_complete"] == .bool(isComplete))
        #expect(request["content_size"] == 10)
    }

    @Test func anUnknownPathIsAnErrorThatNamesIt() {
        let error = #expect(throws: ProtocolError.self) {
            try SnapshotShape(Subscription(event: .request, include: ["request.colour"]))
        }
        #expect(error?.code == ProtocolError.invalidParams)
        #expect(error?.message.contains("request.colour") ?? false)
    }

    @Test(
        arguments: [
            ([:], []), (["nonsense": 1, "request": 1, "response": ["nonsense": 1]], []),
            (["comment": "", "messages": [], "close_reason": ""], [.comment, .messages, .closeReason]),
            (["request": ["headers": [:], "stream": true]], [.requestHeaders, .requestStream]),
            (["response": ["origin": "", "headers": [:]]], [.responseHeaders, .origin]),
            (["response": ["status_code": 1]], [.status, .reason]),
            (["request": ["port": 1]], [.scheme, .host, .port, .path, .authority, .requestHeaders]),
        ] as [(JSONValue, SnapshotFields)]
    )
    func aPatchNamesWhatItHasAndWhatFollows(patch: JSONValue, fields: SnapshotFields) {
        #expect(SnapshotFields(named: patch) == fields)
    }

    @Test func everyPathIsOneThatAPatchNames() throws {
        for path in ["request.headers", "response.headers", "response.trailers", "rev", "error", "message_count"] {
            let names = path.split(separator: ".").map(String.init)
            let patch = names.reversed().reduce(JSONValue.null) { .object([.init($1, $0)]) }
            #expect(SnapshotFields(named: patch) == (try SnapshotFields(paths: [path])))
        }
    }
}

extension SnapshotFields {
    fileprivate static let requestHeaders = requestMessage.headers
    fileprivate static let requestStream = requestMessage.stream
    fileprivate static let responseHeaders = responseMessage.headers
}
