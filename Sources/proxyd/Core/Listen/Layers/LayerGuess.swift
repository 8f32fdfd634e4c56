import NIOCore

/// Guesses a connection's protocol from its first bytes.
enum LayerGuess: Equatable {
    case tls
    case http1
    /// HTTP/2 with prior knowledge (RFC 9113, section 3.3).
    case http2
    case tcp

    var isHTTP: Bool { self == .http1 || self == .http2 }

    private static let http2Preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// The nine bytes of a server's SETTINGS frame without the length. A server may send them before the client has
    /// said anything (RFC 9113, section 3.4).
    private static let settings: [UInt8] = [4, 0, 0, 0, 0, 0]

    /// Guesses from the bytes of a server that speaks first; nil when they are too few.
    init?(serverBytes bytes: ByteBufferView?) {
        guard let bytes, let first = bytes.first else { return nil }
        let rest = bytes.dropFirst(3).prefix(Self.settings.count)
        guard first == 0, bytes.dropFirst().first ?? 0 == 0, Self.settings.starts(with: rest) else {
            self = .tcp
            return
        }
        guard rest.count == Self.settings.count else { return nil }
        self = .http2
    }

    /// - Returns: nil while the bytes are too few to decide.
    init?(clientBytes bytes: ByteBufferView) {
        guard let first = bytes.first else { return nil }
        if first == 0x16 {
            guard bytes.count >= 2 else { return nil }
            self = bytes[bytes.startIndex + 1] == 3 ? .tls : .tcp
            return
        }
        if bytes.starts(with: Self.http2Preface) {
            self = .http2
            return
        }
        if bytes.count >= 4, Self.http2Preface.starts(with: bytes) { return nil }
        let method = bytes.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        guard method.endIndex < bytes.endIndex else {
            if method.count >= Limits.firstBytes { self = .tcp } else { return nil }
            return
        }
        self = bytes[method.endIndex] == UInt8(ascii: " ") && !method.isEmpty ? .http1 : .tcp
    }
}
