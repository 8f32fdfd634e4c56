import Glibc
import NIOCore
import NIOPosix

/// Stands before a listener, and holds the accepting back while there is no room for one more connection. Those that come
/// meanwhile wait in the kernel.
final class AcceptLimitHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    private let connections: Connections
    private let kind: Connections.Kind
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    /// When it is tried again, while the accepting is held back.
    private var retry: Scheduled<Void>?

    init(_ connections: Connections, for kind: Connections.Kind, on eventLoop: any EventLoop) {
        self.connections = connections
        self.eventLoop = eventLoop
        self.kind = kind
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        retry?.cancel()
    }

    func read(context: ChannelHandlerContext) {
        guard retry == nil else { return }
        guard !connections.mayAccept(kind, for: self) else { return context.read() }
        // The options may change as well.
        retry = context.eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) { self.resume() }
    }

    /// A connection has ended, or it is time to look.
    private func resume() {
        guard let retry, let context else { return }
        retry.cancel()
        self.retry = nil
        read(context: context)
    }

    /// The same from any thread.
    func roomWasMade() {
        eventLoop.execute { self.resume() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections.count(Self.unwrapInboundIn(data), as: kind)
        context.fireChannelRead(data)
    }

    /// Where the kernel has no descriptor, or no memory, for a connection, the read that failed stays asked for, and would
    /// fail at once again until the channel reads no more.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else { return }
        connections.failedToAccept(error)
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) {
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

extension ServerBootstrap {
    /// One connection at a time, so that the handler can count.
    func limitingAccepts(_ connections: Connections, for kind: Connections.Kind) -> ServerBootstrap {
        serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptLimitHandler(connections, for: kind, on: channel.eventLoop)
                    )
                }
            }
    }
}
