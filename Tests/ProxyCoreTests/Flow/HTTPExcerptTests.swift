import AddonProtocol
import NIOCore
import Testing

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
        try #require(flow.excerpt(of: SnapshotFields(named: patch)))
    }

    @Test func `what is kept stays as it was`() throws {
        let kept = try excerpt(["request": ["headers": ["A": "1"]], "comment": "new"])
        flow.request.headers = ["Host": "b.test"]
        flow.notes.comment = "new"
        #expect(
            try JSONReader.read(kept.json) == ["comment": "", "request": ["headers": [["Host", "a.test"]]]]
        )
    }

    @Test func `of a body the first is kept, where it is named`() throws {
        let named = try excerpt(["request": ["content": "y"]])
        #expect(named.byteCount < 2 * Limits.changedBodyBytes)
        let shown = try JSONReader.read(named.json)["request"]?["content"]
        #expect(shown?.stringValue?.utf8.count == Limits.changedBodyBytes)
        #expect(try excerpt(["request": ["method": "PUT"]]).byteCount < Limits.changedBodyBytes)
    }
}
