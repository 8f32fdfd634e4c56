import NIOCore

/// What a connection carries, by its first bytes.
enum LayerGuess: Equatable {
    case tls
    case http1
    case tcp

    /// - Returns: nil while it could still be one or the other.
    init?(clientBytes bytes: ByteBufferView) {
        guard let first = bytes.first else { return nil }
        if first == 0x16 {
            guard bytes.count >= 2 else { return nil }
            self = bytes[bytes.startIndex + 1] == 3 ? .tls : .tcp
            return
        }
        let method = bytes.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        guard method.endIndex < bytes.endIndex else {
            if method.count >= Limits.firstBytes { self = .tcp } else { return nil }
            return
        }
        self = bytes[method.endIndex] == UInt8(ascii: " ") && !method.isEmpty ? .http1 : .tcp
    }
}
