import FlyingFox
import FlyingSocks

/// Produces the bytes of an answer while it is sent.
protocol ByteSource: AnyObject, Sendable {
    /// The next bytes, never empty; nil at the end. Waits until there are some.
    func next() async -> [UInt8]?

    /// Called when nobody reads any more.
    func end()
}

extension ByteSource {
    func end() {}

    /// The bytes as a body. The source is ended when the body has been sent, or cannot be.
    var body: HTTPBodySequence {
        HTTPBodySequence(from: SourceBytes(held: HeldSource(self)), suggestedBufferSize: 65_536)
    }
}

/// Ends a source when its last reference is released, which is how a lost connection shows.
private final class HeldSource: Sendable {
    let source: any ByteSource

    init(_ source: any ByteSource) { self.source = source }

    deinit { source.end() }
}

private struct SourceBytes: AsyncBufferedSequence {
    typealias Element = UInt8

    let held: HeldSource

    struct AsyncIterator: AsyncBufferedIteratorProtocol {
        let held: HeldSource
        var rest: ArraySlice<UInt8> = []

        mutating func nextBuffer(suggested count: Int) async throws -> ArraySlice<UInt8>? {
            if rest.isEmpty {
                guard let next = await held.source.next() else { return nil }
                rest = next[...]
            }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func next() async throws -> UInt8? { try await nextBuffer(suggested: 1)?.first }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(held: held) }
}
