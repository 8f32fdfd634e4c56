import NIOCore

/// What carries the bytes of a stream: a channel, or nothing at all. Confined to its loop.
///
/// It tells its stream what comes, whether there is room, and how the connection ends.
protocol ByteTransport: AnyObject {
    var eventLoop: any EventLoop { get }
    var localAddress: SocketAddress? { get }
    var remoteAddress: SocketAddress? { get }
    /// The socket underneath, for its options; nil: there is none.
    var socketOptions: (any SocketOptionProvider)? { get }
    /// Succeeds once it is closed.
    var closeFuture: EventLoopFuture<Void> { get }
    /// Whether it takes more bytes, or the peer is slow to take what it has.
    var isWritable: Bool { get }

    /// Has bytes read once; the stream is told when they have come.
    func read()
    /// Takes bytes to send with those of the next `send`.
    func write(_ bytes: ByteBuffer)
    /// Sends these bytes, after those that were written.
    func send(_ bytes: ByteBuffer)
    /// Waits until all has been sent, then sends the end of our direction.
    func finishOutput() async
    func close()
    /// Calls `body` with how many bytes the peer has taken so far; at once, unless it cannot be told.
    func countTaken(_ body: @escaping (UInt64) -> Void)
    /// Puts a handler between the bytes and the stream.
    func insert(_ handler: any ChannelHandler) throws
}
