import AddonProtocol
import NIOCore

/// The content of one message of a tcp or websocket flow, which never goes by in chunks.
extension JSONWriter {
    /// Writes what a subscription asks for.
    mutating func delivered(_ content: ByteBuffer, _ body: Subscription.Body) {
        let length =
            switch body {
            case .none: nil as Int?
            case .full, .stream: content.readableBytes
            case .preview(let limit): min(limit, content.readableBytes)
            }
        guard let length else { return null() }
        content.withUnsafeReadableBytes { bytes(UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
    }
}

extension FilterBodies {
    /// What the client sends counts as the request's, what the server sends as the response's.
    init(_ content: ByteBuffer, fromClient: Bool, _ side: FilterSide) {
        guard fromClient == (side == .request) else {
            self = .known([])
            return
        }
        self =
            content.readableBytes <= Limits.filteredBodyBytes ? .known([Array(content.readableBytesView)]) : .unknown
    }
}
