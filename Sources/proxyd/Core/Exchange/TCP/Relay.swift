import NIOCore

/// Relays bytes between two streams unchanged, until both directions have ended.
///
/// Forwards the end of one direction alone, so that the other can still be used (half-close).
struct Relay {
    let client: ByteStream
    let server: ByteStream

    /// Relays until both directions have ended.
    func run() async {
        client.converse(with: server)
        async let up: Void = pass(from: client, to: server)
        await pass(from: server, to: client)
        await up
        client.close()
        server.close()
    }

    private func pass(from source: ByteStream, to sink: ByteStream) async {
        repeat {
            guard source.unread.readableBytes > 0 else { continue }
            sink.write(source.unread)
            source.unread.clear()
            do {
                try await sink.flush()
            } catch {
                return source.close()
            }
        } while await source.readMore()
        if case .failed = source.input { return sink.close() }
        await sink.finishOutput()
    }
}
