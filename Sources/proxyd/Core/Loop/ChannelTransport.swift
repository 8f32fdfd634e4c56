import Glibc
import NIOCore

/// The end of a channel's pipeline, which carries the bytes of a stream. Confined to the channel's loop.
///
/// What is sent goes straight to the socket while no handler has been inserted and the channel has nothing to send itself:
/// that takes a fraction of the work of a write through the channel. The channel gets what the kernel does not take at once,
/// so it alone waits for room, and finds and reports errors.
final class ChannelTransport: ChannelInboundHandler, ByteTransport, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    let channel: any Channel
    /// The pipeline keeps the stream until the channel is closed.
    @exclusivity(unchecked) private(set) var stream: ByteStream?
    @exclusivity(unchecked) private var receiveBuffer = ReceiveBuffer()
    private var onActive: ((ByteStream) -> Void)?
    @exclusivity(unchecked) private var context: ChannelHandlerContext?
    /// The channel's socket, where bytes may go straight to it; only to be used while the channel is active.
    @exclusivity(unchecked) private var socket: NIOBSDSocket.Handle?
    /// Whether a handler has been put between the bytes and the stream, so that the socket is not ours to write to.
    private var hasHandlers = false
    /// Whether the channel holds bytes that it was not told to send.
    @exclusivity(unchecked) private var isUnflushed = false
    /// How many sends the channel is not done with.
    @exclusivity(unchecked) private var queuedSends = 0

    fileprivate init(_ channel: any Channel, _ onActive: ((ByteStream) -> Void)?) {
        self.channel = channel
        self.onActive = onActive
    }

    fileprivate func carry(_ stream: ByteStream) throws {
        try channel.pipeline.syncOperations.addHandler(self)
        self.stream = stream
    }

    // MARK: ByteTransport

    var eventLoop: any EventLoop { channel.eventLoop }
    var localAddress: SocketAddress? { channel.localAddress }
    var remoteAddress: SocketAddress? { channel.remoteAddress }
    var socketOptions: (any SocketOptionProvider)? { channel as? any SocketOptionProvider }
    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }
    var isWritable: Bool { channel.isWritable }

    func read() {
        context?.read()
    }

    func write(_ bytes: ByteBuffer) {
        isUnflushed = true
        channel.write(bytes, promise: nil)
    }

    func send(_ bytes: ByteBuffer) {
        var bytes = bytes
        // The descriptor is the channel's until it is inactive; then it may be another's.
        if let socket, !isUnflushed, queuedSends == 0, channel.isActive {
            bytes.moveReaderIndex(forwardBy: Self.send(bytes, to: socket))
            if bytes.readableBytes == 0 { return }
        }
        queue(bytes)
    }

    /// - Returns: how many bytes the kernel has taken; none when it has no room, or the connection is broken.
    private static func send(_ bytes: ByteBuffer, to socket: NIOBSDSocket.Handle) -> Int {
        bytes.withUnsafeReadableBytes {
            max(0, Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)))
        }
    }

    /// Sends bytes by the channel, as soon as there is room.
    private func queue(_ bytes: ByteBuffer) {
        isUnflushed = false
        guard socket != nil else { return channel.writeAndFlush(bytes, promise: nil) }
        queuedSends += 1
        channel.writeAndFlush(bytes).assumeIsolated().whenComplete { _ in self.queuedSends -= 1 }
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
        socket = nil
        hasHandlers = true
        try channel.pipeline.syncOperations.addHandler(handler, position: .before(self))
    }

    // MARK: ChannelInboundHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        if !hasHandlers {
            socket = try? context.pipeline.syncOperations
                .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        }
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
        socket = nil
        stream?.becameClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        stream?.inputEnded(.failed(error))
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
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
