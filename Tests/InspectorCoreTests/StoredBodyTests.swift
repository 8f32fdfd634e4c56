import AddonProtocol
import FlyingFox
import Testing

@testable import InspectorCore

struct StoredBodyTests {
    @Test(arguments: [
        ("text/html; charset=UTF-8", "text/html; charset=utf-8"), ("text/html", "text/html; charset=utf-8"),
        ("IMAGE/PNG", "image/png"),
        ("text/html; charset=\"latin-1\"", "text/html; charset=latin-1"),
        ("text/html; charset=x\r\nSet-Cookie: a", "text/html; charset=xset-cookiea"),
    ]) func `a preview has a type of its own`(_ given: String, _ shown: String) async throws {
        #expect(try await body(given).preview().headers[.contentType] == shown)
    }

    @Test(arguments: ["", "image/svg+xml", "text/xml", "application/pdf", "text/javascript", "text/htmlx"])
    func `nothing else is previewed`(_ type: String) async throws {
        let body = try await body(type)
        #expect(throws: Failure.self) { try body.preview() }
    }

    private func body(_ type: String) async throws -> StoredBody {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        let headers: AddonProtocol.JSONValue = [["Content-Type", .string(type)]]
        let flow: AddonProtocol.JSONValue = [
            "id": "a", "type": "http", "request": ["method": "GET"],
            "response": ["status_code": 200, "headers": headers, "content": "x", "content_complete": true],
        ]
        try store.keep([EndedFlow(snapshot: flow)])
        let link = DaemonLink(socket: nil, token: nil, InspectorStatus())
        return try await StoredBody(try #require(try store.flow(1)), Query(""), link)
    }
}
