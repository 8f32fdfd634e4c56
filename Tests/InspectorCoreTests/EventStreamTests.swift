import AddonProtocol
import Testing

@testable import InspectorCore

struct EventStreamTests {
    @Test func `events are texts of one line each`() {
        let text = String(decoding: EventStream.text("rows", ["a": "b\nc\r\u{2028}"], id: 7), as: UTF8.self)
        #expect(text.hasPrefix("id: 7\nevent: rows\ndata: {") && text.hasSuffix("}\n\n"))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 5)
    }

    @Test func `what waits is bounded in bytes and what is missed is counted`() async throws {
        let stream = EventStream()
        let large = JSONValue.string(String(repeating: "x", count: 1 << 20))
        for _ in 0..<100 { stream.send("frame", large) }
        let bytes = try #require(await stream.next())
        #expect(bytes.count <= EventStream.limit + 100)
        let text = String(decoding: bytes.suffix(100), as: UTF8.self)
        #expect(text.contains("event: missed\ndata: {\"count\":97}"))
        stream.send("frame", 1)
        #expect(await stream.next() == Array("event: frame\ndata: 1\n\n".utf8))
    }

    @Test func `one that is larger than all that may wait is sent alone`() async throws {
        let stream = EventStream()
        stream.send("frame", .string(String(repeating: "x", count: EventStream.limit + 1)))
        #expect(try #require(await stream.next()).count > EventStream.limit)
    }

    @Test func `when it ends its sender is told, also afterwards`() async {
        let stream = EventStream()
        stream.finish()
        #expect(await stream.next() == nil)
        stream.end()
        await confirmation { told in stream.whenEnded { told() } }
    }
}
