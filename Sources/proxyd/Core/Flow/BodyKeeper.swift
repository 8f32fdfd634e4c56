import NIOCore

/// How much of a body that goes by is kept, to be printed and for those who are told of it afterwards.
struct BodyKeeper {
    /// The most bytes of it, from its start; 0: nothing.
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
    /// Keeps a copy of what goes by, as long as it is wanted and there is memory for it: always a start of the body.
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
