import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HTTPExcerptTests {
    private let flow = HTTPFlow(
        id: "f1",
        clientConnection: ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1),
        request: HTTPRequest(
            method: "POST",
            scheme: "http",
            host: "a.test",
            port: 80,
            path: [UInt8(ascii: "/")],
            authority: [],
            version: .http11,
            headers: ["Host": "a.test"],
            body: .whole(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 20)),
            timestampStart: 1
        )
    )

    private func excerpt(_ patch: JSONValue) throws -> ChangeLog.Excerpt {
        try #require(flow.excerpt(of: NamedFields(patch)))
    }

    @Test func `what is kept stays as it was`() throws {
        let kept = try excerpt(["request": ["headers": ["HOST": "1"]], "comment": "new"])
        flow.request.headers = ["Host": "b.test"]
        flow.notes.comment = "new"
        #expect(
            try JSONReader.read(kept.json) == ["comment": "", "request": ["headers": [["Host", "a.test"]]]]
        )
    }

    @Test func `of header fields those are kept that are named`() throws {
        func headers(_ patch: JSONValue) throws -> JSONValue? {
            try JSONReader.read(try excerpt(["request": patch]).json)["request"]?["headers"]
        }
        flow.request.headers = ["Host": "a.test", "X-A": "1", "B": "2", "x-a": "3"]
        #expect(try headers(["headers": ["x-a": .null, "X-A": "4", "none": "5"]]) == [["X-A", "1"], ["x-a", "3"]])
        #expect(try headers(["headers": [:]]) == [])
        #expect(try headers(["headers": ["b": "1"], "method": "PUT"]) == [["B", "2"]])
        #expect(try headers(["headers": [["b", "1"]]])?.arrayValue?.count == 4, "a list replaces all")
        #expect(try headers(["headers": ["b": "1"], "port": 81])?.arrayValue?.count == 4, "the Host field follows")
    }

    @Test func `of a response the same is kept`() throws {
        flow.response = HTTPResponse(addon: "x")
        flow.response?.headers = ["A": "1", "B": "2"]
        let kept = try excerpt(["response": ["headers": ["b": "3"]]])
        flow.response?.headers.set("B", "3")
        #expect(try JSONReader.read(kept.json) == ["response": ["headers": [["B", "2"]]]])
        flow.response = nil
        #expect(try JSONReader.read(try excerpt(["response": ["headers": ["b": "3"]]]).json) == [:])
    }

    @Test func `of a body the first is kept, where it is named`() throws {
        let named = try excerpt(["request": ["content": "y"]])
        #expect(named.byteCount < 2 * Limits.changedBodyBytes)
        let shown = try JSONReader.read(named.json)["request"]?["content"]
        #expect(shown?.stringValue?.utf8.count == Limits.changedBodyBytes)
        #expect(try excerpt(["request": ["method": "PUT"]]).byteCount < Limits.changedBodyBytes)
    }
}
