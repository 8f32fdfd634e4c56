import NIOCore

/// Takes whatever is sent, as a peer would that drops it, and never has anything to read. Confined to its loop.
final class DiscardTransport: ByteTransport {
    let eventLoop: any EventLoop
    private let closePromise: EventLoopPromise<Void>
    private weak var stream: ByteStream?
    private var isOpen = true
    private var taken: UInt64 = 0

    fileprivate init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        closePromise = eventLoop.makePromise()
    }

    fileprivate func carry(_ stream: ByteStream) {
        self.stream = stream
    }

    var localAddress: SocketAddress? { nil }
    var remoteAddress: SocketAddress? { nil }
    var socketOptions: (any SocketOptionProvider)? { nil }
    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var isWritable: Bool { true }

    func read() {}

    func write(_ bytes: ByteBuffer) {
        taken += UInt64(bytes.readableBytes)
    }

    func send(_ bytes: ByteBuffer) {
        write(bytes)
    }

    /// Who will get no more has nothing to stay for.
    func finishOutput() async {
        close()
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        stream?.becameClosed()
        closePromise.succeed()
    }

    func countTaken(_ body: @escaping (UInt64) -> Void) {
        body(taken)
    }

    func insert(_ handler: any ChannelHandler) throws {
        throw ChannelError.operationUnsupported
    }
}

extension ByteStream {
    /// A stream whose bytes nobody reads; it must be closed.
    static func discarding(on eventLoop: any EventLoop) -> ByteStream {
        let transport = DiscardTransport(on: eventLoop)
        let stream = ByteStream(over: transport)
        transport.carry(stream)
        return stream
    }
}
