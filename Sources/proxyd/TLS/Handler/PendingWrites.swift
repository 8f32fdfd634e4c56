import NIOCore

/// Writes that are not encrypted yet.
struct PendingWrites {
    typealias Write = (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)

    private var writes = MarkedCircularBuffer<Write>(initialCapacity: 8)
    private(set) var byteCount = 0

    mutating func append(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        writes.append((bytes, promise))
        byteCount += bytes.readableBytes
    }

    /// Marks everything so far for encryption.
    mutating func mark() {
        writes.mark()
    }

    /// Removes and returns the writes up to the last mark.
    mutating func takeFlushed() -> [Write] {
        var taken: [Write] = []
        while writes.hasMark, let write = writes.popFirst() {
            byteCount -= write.bytes.readableBytes
            taken.append(write)
        }
        return taken
    }

    /// Removes everything, then fails the promises, whose callbacks may write again.
    mutating func fail(_ error: any Error) {
        let promises = writes.compactMap(\.promise)
        writes = MarkedCircularBuffer(initialCapacity: 8)
        byteCount = 0
        for promise in promises { promise.fail(error) }
    }

    /// The bytes of all writes in pieces; neighbours that fit are joined, so that they share a record.
    static func pieces(of writes: [Write], upTo limit: Int) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        for write in writes {
            let last = pieces.count - 1
            if last >= 0, pieces[last].readableBytes + write.bytes.readableBytes <= limit {
                pieces[last].writeImmutableBuffer(write.bytes)
            } else {
                pieces.append(write.bytes)
            }
        }
        return pieces
    }

    /// One promise that completes the promises of all writes.
    static func promise(for writes: [Write], on eventLoop: any EventLoop) -> EventLoopPromise<Void>? {
        let promises = writes.compactMap(\.promise)
        guard promises.count > 1 else { return promises.first }
        let promise = eventLoop.makePromise(of: Void.self)
        for each in promises { promise.futureResult.cascade(to: each) }
        return promise
    }
}
