import NIOCore

/// How much of a streamed body is kept, for printing and for addons that are notified afterwards.
struct BodyKeeper {
    /// The most bytes to keep, from the start of the body; 0 means none.
    fileprivate(set) var limit: Int
    fileprivate let loop: LoopContext

    init(_ limit: Int, on loop: LoopContext) {
        self.limit = limit
        self.loop = loop
    }

    fileprivate func hasRoom(beside kept: Int) -> Bool {
        kept <= Limits.smallContentBytes || loop.hasRoom(for: 0)
    }
}

extension Body {
    /// Keeps a copy of a streamed part, as long as it is wanted and there is memory. What is kept is always the start
    /// of the body.
    mutating func keep(_ part: ByteBuffer, by keeper: inout BodyKeeper) {
        let kept = bytes?.readableBytes ?? 0
        guard kept < keeper.limit else { return }
        guard keeper.hasRoom(beside: kept) else {
            keeper.limit = kept
            return
        }
        let count = min(keeper.limit - kept, part.readableBytes)
        guard count > 0, let start = part.getSlice(at: part.readerIndex, length: count) else { return }
        if bytes == nil { bytes = ByteBuffer(buffer: start) } else { bytes?.writeImmutableBuffer(start) }
    }
}
