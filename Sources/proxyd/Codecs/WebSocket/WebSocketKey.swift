import AddonProtocol
import ProxyTLS

/// A Sec-WebSocket-Key and the answer that proves it was read (RFC 6455, section 4.2.2).
package struct WebSocketKey: Sendable {
    /// The key in Base64, as in the field.
    package let text: String

    /// The key in a field's value.
    package init(_ value: ArraySlice<UInt8>) {
        text = String(decoding: value.trimmingOptionalWhitespace(), as: UTF8.self)
    }

    private init(text: String) {
        self.text = text
    }

    /// A key of 16 random bytes.
    package static func random() -> WebSocketKey {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return WebSocketKey(text: String(decoding: Base64.encode(bytes), as: UTF8.self))
    }

    /// The value of the server's Sec-WebSocket-Accept.
    package var accept: String {
        let digest = Digest.sha1(Array((text + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return String(decoding: Base64.encode(digest), as: UTF8.self)
    }
}
