import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What is hidden in JSON, and the result of sending it back.
struct RedactionTests {
    private let redaction: Redaction
    private let mark = JSONValue.string(Redaction.mark)
    private let request: JSONValue = ["headers": [["A", "1"], ["Cookie", "x"], ["cookie", "y"]], "trailers": .null]

    init() throws {
        redaction = try #require(Redaction(["Cookie", "proxy-authorization"]))
    }

    @Test func `nothing to hide is no redaction`() {
        #expect(Redaction([]) == nil)
        #expect(Redaction(["A"]) == Redaction(["a"]))
    }

    @Test func `fields are hidden wherever they are`() {
        let flow: JSONValue = [
            "flow": ["request": request], "other": [["headers": ["cookie": ["x", "y"], "b": "2"]]],
        ]
        let hidden: JSONValue = [["A", "1"], ["Cookie", mark], ["cookie", mark]]
        let expected: JSONValue = [
            "flow": ["request": ["headers": hidden, "trailers": .null]],
            "other": [["headers": ["cookie": [mark, mark], "b": "2"]]],
        ]
        #expect(redaction.redacted(flow) == expected)
        #expect(redaction.redacted(Array(flow.encoded().dropLast())) == expected.encoded().dropLast())
    }

    @Test func `logins, changes and first bytes are hidden, too`() {
        let metadata: JSONValue = ["proxyauth": ["ann", "secret"]]
        #expect(redaction.redacted(metadata) == ["proxyauth": ["ann", mark]])
        let change: JSONValue = ["path": "request.headers.cookie", "before": .null, "after": ["x", "y"]]
        #expect(
            redaction.redacted(change) == ["path": "request.headers.cookie", "before": .null, "after": [mark, mark]]
        )
        let data: JSONValue = ["data_client": "GET / HTTP/1.1\r\ncookie: x\r\nA: b\r\n\r\n"]
        let lines = "GET / HTTP/1.1\r\ncookie: \(Redaction.mark)\r\nA: b\r\n\r\n"
        #expect(redaction.redacted(data) == ["data_client": .string(lines)])
    }

    @Test func `what is hidden and comes back is what it was`() throws {
        let flow: JSONValue = ["request": request, "metadata": ["proxyauth": ["ann", "secret"]]]
        #expect(try redaction.restored(redaction.redacted(flow), from: flow, at: "flow") == flow)
    }

    @Test func `each mark stands for its value, and one for all`() throws {
        func restored(_ headers: JSONValue) throws -> JSONValue? {
            try redaction.restored(["headers": headers], from: request, at: "flow")["headers"]
        }
        #expect(try restored([["cookie", "new"], ["Cookie", mark]]) == [["cookie", "new"], ["Cookie", "y"]])
        #expect(try restored(["cookie": mark]) == ["cookie": ["x", "y"]])
        #expect(try restored(["cookie": [mark, "z"]]) == ["cookie": ["x", "z"]])
        #expect(try restored(["a": mark]) == ["a": mark])
        #expect(throws: PatchRefusal.self) { try restored(["cookie": [mark, mark, mark]]) }
        #expect(throws: PatchRefusal.self) { try restored(["Proxy-Authorization": mark]) }
    }
}
