import NIOCore

/// The end of a channel's pipeline, which carries the bytes of a stream. Confined to the channel's loop.
final class ChannelTransport: ChannelInboundHandler, ByteTransport, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    let channel: any Channel
    /// The pipeline keeps the stream until the channel is closed.
    @exclusivity(unchecked) private(set) var stream: ByteStream?
    @exclusivity(unchecked) private var receiveBuffer = ReceiveBuffer()
    private var onActive: ((ByteStream) -> Void)?

    fileprivate init(_ channel: any Channel, _ onActive: ((ByteStream) -> Void)?) {
        self.channel = channel
        self.onActive = onActive
    }

    fileprivate func carry(_ stream: ByteStream) throws {
        self.stream = stream
        try channel.pipeline.syncOperations.addHandler(self)
    }

    // MARK: ByteTransport

    var eventLoop: any EventLoop { channel.eventLoop }
    var localAddress: SocketAddress? { channel.localAddress }
    var remoteAddress: SocketAddress? { channel.remoteAddress }
    var socketOptions: (any SocketOptionProvider)? { channel as? any SocketOptionProvider }
    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }
    var isWritable: Bool { channel.isWritable }

    func read() {
        channel.read()
    }

    func write(_ bytes: ByteBuffer) {
        channel.write(bytes, promise: nil)
    }

    func send(_ bytes: ByteBuffer) {
        channel.writeAndFlush(bytes, promise: nil)
    }

    func finishOutput() async {
        try? await channel.writeAndFlush(ByteBuffer()).get()
        try? await channel.close(mode: .output).get()
    }

    func close() {
        channel.close(promise: nil)
    }

    func countTaken(_ body: @escaping (UInt64) -> Void) {
        TakenBytes.count(on: channel, body)
    }

    func insert(_ handler: any ChannelHandler) throws {
        try channel.pipeline.syncOperations.addHandler(handler, position: .before(self))
    }

    // MARK: ChannelInboundHandler

    func channelActive(context: ChannelHandlerContext) {
        let start = onActive
        onActive = nil
        if let stream { start?(stream) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        guard bytes.readableBytes > 0 else { return }
        receiveBuffer.received(bytes.readableBytes, on: channel)
        stream?.received(bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        stream?.readCompleted()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { stream?.inputEnded() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if channel.isWritable { stream?.becameWritable() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        stream?.becameClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        stream?.inputEnded(.failed(error))
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stream = nil
    }
}

extension ByteStream {
    /// A stream at the end of the channel's pipeline.
    ///
    /// - Parameter onActive: called once, when the channel can be read from and written to.
    @discardableResult
    static func open(on channel: any Channel, onActive: ((ByteStream) -> Void)? = nil) throws -> ByteStream {
        let transport = ChannelTransport(channel, onActive)
        let stream = ByteStream(over: transport)
        try transport.carry(stream)
        return stream
    }
}
