import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct WebSocketKeyTests {
    /// The example of RFC 6455, section 1.3.
    @Test func theAnswerIsThatOfTheRFC() {
        let key = WebSocketKey(Array(" dGhlIHNhbXBsZSBub25jZQ==".utf8)[...])
        #expect(key.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func keysAreOf16BytesAndDiffer() {
        let (one, other) = (WebSocketKey.random(), WebSocketKey.random())
        #expect(one.text != other.text)
        #expect(one.text.utf8.count == 24 && one.text.hasSuffix("=="))
    }
}
