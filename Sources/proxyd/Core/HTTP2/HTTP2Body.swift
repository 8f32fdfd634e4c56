import AddonProtocol
import NIOCore
import ProxyCodecs

/// Reads a body from a stream and checks it against the length in its head (RFC 9113, section 8.1.1).
struct HTTP2Body {
    private let length: BodyLength
    private var count: UInt64 = 0

    init(_ length: BodyLength) {
        self.length = length
    }

    /// Checks and returns the next part of the body.
    mutating func part(_ inbound: HTTP2Stream.Inbound, _ limits: HeadLimits) throws(HTTP1Error) -> BodyPart {
        switch inbound {
        case .data(let bytes):
            count += UInt64(bytes.readableBytes)
            try check(isEnd: false)
            return .data(bytes)
        case .end:
            try check(isEnd: true)
            return .end(trailers: nil)
        case .headers(let block, let isLast):
            guard isLast else {
                throw HTTP1Error(.badTrailer, "trailers without END_STREAM")
            }
            try check(isEnd: true)
            let trailers = try HTTP2Fields(block, of: .trailers).fields
            return .end(trailers: trailers.isEmpty ? nil : trailers)
        }
    }

    private func check(isEnd: Bool) throws(HTTP1Error) {
        let allowed: UInt64
        switch length {
        case .none: allowed = 0
        case .known(let length): allowed = length
        case .unknown: return
        }
        guard count > allowed || (isEnd && count < allowed) else { return }
        throw HTTP1Error(
            .badContentLength,
            "\(count) bytes of body \(isEnd ? "in all" : "so far"), but the head says \(allowed)"
        )
    }
}
