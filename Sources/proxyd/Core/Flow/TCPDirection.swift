import AddonProtocol
import NIOCore

/// One direction of a TCP flow: its source, its sink, and what addons inject. Confined to its loop.
final class TCPDirection: @unchecked Sendable {
    /// Where the direction leads.
    enum Way {
        case toServer, toClient
    }

    let way: Way
    let source: ByteStream
    let sink: ByteStream
    let interruption = Interruption()
    private var injected: [ByteBuffer] = []
    private(set) var injectedBytes = 0
    private var isOver = false

    init(_ way: Way, from source: ByteStream, to sink: ByteStream) {
        self.way = way
        self.source = source
        self.sink = sink
        sink.transport.closeFuture.assumeIsolated().whenComplete { [interruption] _ in
            interruption.interrupt(way.sinkIsGone)
        }
    }

    /// Queues a message from an addon, after those that are waiting.
    ///
    /// - Returns: why that is not possible; nil when the message will be sent.
    func inject(_ content: [UInt8]) -> String? {
        assertOnLoop(source.transport.eventLoop)
        guard !isOver else { return "this direction has ended" }
        guard injectedBytes + content.count <= Limits.injectedBytes else {
            return "more than \(Limits.injectedBytes) injected bytes wait to be sent"
        }
        injected.append(ByteBuffer(bytes: content))
        injectedBytes += content.count
        source.stopReading()
        return nil
    }

    /// Waits for the next message to send; nil when the direction has ended.
    ///
    /// - Parameter limit: the most bytes in one message.
    func next(limit: () -> Int) async -> TCPMessage? {
        while true {
            if !injected.isEmpty {
                let content = injected.removeFirst()
                injectedBytes -= content.readableBytes
                return TCPMessage(fromClient: way == .toServer, content: content, injected: true)
            }
            if let content = source.unread.readSlice(length: min(limit(), source.unread.readableBytes)),
                content.readableBytes > 0
            {
                return TCPMessage(fromClient: way == .toServer, content: content, injected: false)
            }
            let hasMore = await source.readMore()
            guard hasMore || source.inputIsOpen || !injected.isEmpty else { return end() }
        }
    }

    private func end() -> TCPMessage? {
        close()
        return nil
    }

    /// Ends the direction, so that nothing can be injected any more.
    func close() {
        isOver = true
    }

    /// Sends bytes to the sink; applies back-pressure while it is slow.
    func send(_ content: ByteBuffer) async throws(FlowError) {
        sink.write(content)
        do {
            try await sink.flush()
        } catch {
            throw FlowError(way.sinkIsGone.kind, "\(way.sinkIsGone.message): \(error)")
        }
    }

    /// Why the source broke; nil when it ended properly.
    var sourceFailure: FlowError? {
        guard case .failed(let error) = source.input else { return nil }
        return error as? FlowError ?? FlowError(way.sourceIsGone.kind, "\(way.sourceIsGone.message): \(error)")
    }
}

extension TCPDirection.Way {
    private static let clientIsGone = FlowError(.clientDisconnected, "client disconnected")
    private static let serverIsGone = FlowError(.serverDisconnected, "server disconnected")

    fileprivate var sinkIsGone: FlowError { self == .toServer ? Self.serverIsGone : Self.clientIsGone }
    fileprivate var sourceIsGone: FlowError { self == .toServer ? Self.clientIsGone : Self.serverIsGone }
}
