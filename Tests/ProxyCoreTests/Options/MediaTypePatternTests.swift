import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct MediaTypePatternTests {
    @Test(
        arguments: [
            ("text/event-stream", true), ("Text/Event-Stream; charset=utf-8", true), ("application/grpc", true),
            ("application/grpc-web+proto", true), ("application/connect+proto", true), ("application/connect", false),
            ("application/x-ndjson ;x=y", true), ("application/jsonl", true), ("application/json", false),
            ("multipart/x-mixed-replace; boundary=text", true), ("text/plain; a=text/event-stream", false), ("", false),
        ] as [(String, Bool)]
    )
    func `which types stream`(contentType: String, streams: Bool) {
        #expect(MediaTypePattern.usualStreams.match(["Content-Type": contentType]) == streams)
    }

    @Test func `a message without a type matches nothing`() {
        #expect(!MediaTypePattern.usualStreams.match(HeaderFields()))
    }

    @Test(arguments: ["", "text", "text/", "/x", "a/b/c", "text/pl ain", "text/plain;x"])
    func `what is no media type`(text: String) {
        #expect(MediaTypePattern(parsing: text) == nil)
    }

    @Test(arguments: ["text/*", "*/*", "*", "application/vnd.api+json", "*/grpc*"])
    func `what is a pattern`(text: String) {
        #expect(MediaTypePattern(parsing: text)?.text == text)
    }
}
